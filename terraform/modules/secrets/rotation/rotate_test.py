"""Run by `xtask infra`: the four steps of a rotation against a small Secrets Manager, each twice."""

import sys
import types

sys.dont_write_bytecode = True
sys.modules["boto3"] = types.ModuleType("boto3")
import rotate  # noqa: E402


class NotFound(Exception):
    pass


class Manager:
    exceptions = types.SimpleNamespace(ResourceNotFoundException=NotFound)

    def __init__(self):
        self.enabled, self.made = True, 0
        self.stages = {"old": ["AWSCURRENT"], "new": ["AWSPENDING"]}
        self.values = {"old": "before"}

    def describe_secret(self, SecretId):
        return {"RotationEnabled": self.enabled, "VersionIdsToStages": self.stages}

    def get_secret_value(self, SecretId, VersionId, VersionStage):
        if VersionId not in self.values or VersionStage not in self.stages[VersionId]:
            raise NotFound()
        return {"SecretString": self.values[VersionId]}

    def get_random_password(self, PasswordLength, ExcludePunctuation):
        assert ExcludePunctuation
        self.made += 1
        return {"RandomPassword": "x" * PasswordLength}

    def put_secret_value(self, SecretId, ClientRequestToken, SecretString, VersionStages):
        self.values[ClientRequestToken] = SecretString

    def update_secret_version_stage(self, SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId=None):
        assert RemoveFromVersionId == "old"
        self.stages = {"old": ["AWSPREVIOUS"], MoveToVersionId: ["AWSCURRENT"]}


def refused(event, manager):
    try:
        rotate.handler(event, None, manager)
    except ValueError:
        return True
    return False


manager = Manager()
for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
    for _ in range(2):
        rotate.handler({"SecretId": "s", "ClientRequestToken": "new", "Step": step}, None, manager)
assert manager.made == 1, "a repeated step made another value"
assert len(manager.values["new"]) == 48 and manager.values["old"] == "before"
assert manager.stages == {"old": ["AWSPREVIOUS"], "new": ["AWSCURRENT"]}

assert refused({"SecretId": "s", "ClientRequestToken": "other", "Step": "createSecret"}, Manager())
assert refused({"SecretId": "s", "ClientRequestToken": "new", "Step": "somethingElse"}, Manager())
off = Manager()
off.enabled = False
assert refused({"SecretId": "s", "ClientRequestToken": "new", "Step": "createSecret"}, off)
print("ok")
