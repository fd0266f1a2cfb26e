"""What the repository declares, read from it: a name or number that is not where it stood ends the run."""

import glob
import os
import re


from harness.report import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ENVIRONMENT = "staging"


def text(path):
    with open(os.path.join(ROOT, path)) as file:
        return file.read()


def value(path, pattern):
    """What the one group of the pattern says in a file."""
    found = re.search(pattern, text(path), re.S)
    if not found:
        raise Failure(f"{path}: nothing matches {pattern}")
    return found.group(1)


class Bucket:
    """Settings of `modules/bucket`, with the values of an environment."""

    def __init__(self):
        module, variables = "terraform/modules/bucket/main.tf", f"terraform/environments/{ENVIRONMENT}/terraform.tfvars"
        in_backup = lambda name: value(variables, r"backup = \{[^}]*\b%s\s*=\s*\"?(\w+)" % name)
        self.locked_days, self.kept_days = int(in_backup("locked_days")), int(in_backup("kept_days"))
        self.lock_mode = in_backup("lock_mode")
        self.ownership = value(module, r'object_ownership = "(\w+)"')
        self.versioning = value(module, r'versioning_configuration \{\s*status = "(\w+)"')
        self.rule = value(module, r'resource "aws_s3_bucket_lifecycle_configuration".*?id\s*= "(\w+)"')
        self.upload_days = int(value(module, r"days_after_initiation = (\d+)"))


class Replication:
    """Settings of `modules/replication`."""

    def __init__(self):
        module = "terraform/modules/replication/main.tf"
        self.rule = value(module, r'rule \{\s*id\s*= "([\w-]+)"')
        self.deletions = value(module, r'delete_marker_replication \{\s*status = "(\w+)"')
        self.storage_class = value(module, r'storage_class = "(\w+)"')
        self.minutes = int(value(module, r"replication_time \{.*?minutes = (\d+)"))


def terraform_secrets():
    """Names of an environment's secrets, and who makes each: `random` or `given`."""
    path = f"terraform/environments/{ENVIRONMENT}/secrets.tf"
    lists = {"service in local.databases": re.findall(r'"([\w-]+)"', value(path, r"databases = \[([^\]]*)\]"))}
    secrets = {}
    for line in text(path).splitlines():
        made = re.search(r'made = "(\w+)"', line)
        if not made:
            continue
        each = re.search(r'for (\w+) in (local\.databases|\[[^\]]*\]) : "([^"]+)"', line)
        if each:
            names = lists.get(f"{each[1]} in {each[2]}") or re.findall(r'"([\w-]+)"', each[2])
            found = [each[3].replace("${%s}" % each[1], name) for name in names]
        else:
            found = [re.match(r'\s*"?([\w/-]+)"?\s*=', line)[1]]
        secrets.update({name: made[1] for name in found})
    if len(secrets) < 20:
        raise Failure(f"{path}: only {len(secrets)} secrets were found, so they stand elsewhere now")
    return secrets


def asked_secrets():
    """Names that External Secrets asks for, with the files that do."""
    asked = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "gitops/**/*.yaml"), recursive=True)):
        with open(path) as file:
            for name in re.findall(r"key: quarterdeck/\$\{environment\}/([\w/-]+)", file.read()):
                asked.setdefault(name, []).append(os.path.relpath(path, ROOT))
    if len(asked) < 20:
        raise Failure(f"gitops/: External Secrets asks for {len(asked)} names only, so they stand elsewhere now")
    return asked


def alarm(key):
    """An alarm of `modules/observability`, as CloudWatch's API takes it."""
    path = "terraform/modules/observability/alarms.tf"
    block = value(path, r"\n      %s = \{(.*?)\n      \}" % key)
    field = lambda name: re.search(r'\b%s\s*=\s*"?([^",\n]+)' % name, block)[1].strip()
    return {
        "AlarmName": f"quarterdeck-{ENVIRONMENT}-{key.replace('_', '-')}", "AlarmDescription": field("why"),
        "Namespace": field("namespace"), "MetricName": field("metric"), "Statistic": field("statistic"),
        "ComparisonOperator": field("compare"), "Threshold": float(field("threshold")), "Period": int(field("period")),
        "EvaluationPeriods": int(field("periods")), "TreatMissingData": field("missing"),
    }
