//! Mistakes in `terraform/`.

use super::{
    Edit::{self, Append, Drop, Replace},
    Planted,
};

pub fn mistakes() -> Vec<Planted> {
    let mut all = form();
    all.extend(availability());
    all.extend(encryption());
    all.extend(openness());
    all.extend(agreement());
    all
}

const fn planted(
    name: &'static str,
    file: &'static str,
    edit: Edit,
    check: &'static str,
    says: &'static str,
) -> Planted {
    Planted { name, file, edit, check, says }
}

/// What Terraform, its provider or AWS would not take.
fn form() -> Vec<Planted> {
    vec![
        planted(
            "code that is not formatted",
            "terraform/modules/network/main.tf",
            Append("\nlocals {\n    unformatted   =   1\n}\n"),
            "terraform fmt",
            "unformatted",
        ),
        planted(
            "a misspelt argument",
            "terraform/modules/network/main.tf",
            Replace("enable_dns_support   = true", "enable_dns_suport    = true"),
            "terraform validate modules/network",
            "enable_dns_suport",
        ),
        planted(
            "a required argument is missing",
            "terraform/modules/backup/main.tf",
            Replace("  iam_role_arn = aws_iam_role.backup.arn\n  resources", "  resources"),
            "terraform validate modules/backup",
            "iam_role_arn",
        ),
        planted(
            "a reference to what does not exist",
            "terraform/modules/database/outputs.tf",
            Replace("value       = module.archive.arn", "value       = module.archives.arn"),
            "terraform validate modules/database",
            "archives",
        ),
        planted(
            "an instance type that AWS does not have",
            "terraform/environments/staging/terraform.tfvars",
            Replace("\"m7i.large\"", "\"m7i.hughe\""),
            "terraform values environments/staging",
            "AWS has no \"m7i.hughe\"",
        ),
        planted(
            "a protocol that CloudFront does not have",
            "terraform/modules/edge/distributions.tf",
            Replace(
                "Shop of ${var.name}\"\n  enabled             = true\n  is_ipv6_enabled     = true\n  http_version        = \"http2and3\"",
                "Shop of ${var.name}\"\n  enabled             = true\n  is_ipv6_enabled     = true\n  http_version        = \"http4\"",
            ),
            "terraform values environments/production",
            "AWS has no \"http4\"",
        ),
        planted(
            "a script that bash cannot read",
            "terraform/modules/flux/bootstrap.sh",
            Append("if true; then\n"),
            "terraform scripts",
            "unexpected end of file",
        ),
        planted(
            "a variable that nobody uses",
            "terraform/modules/registry/variables.tf",
            Append(
                "\nvariable \"unused\" {\n  description = \"Nothing.\"\n  type        = string\n  default     = null\n}\n",
            ),
            "terraform lint",
            "unused",
        ),
        planted(
            "a variable without a type",
            "terraform/modules/registry/variables.tf",
            Replace(
                "registry has once: scanning and replication.\"\n  type        = bool\n",
                "registry has once: scanning and replication.\"\n",
            ),
            "terraform lint",
            "own_registry_settings",
        ),
    ]
}

/// A zone, a backup, a protection less.
fn availability() -> Vec<Planted> {
    vec![
        planted(
            "one zone fewer",
            "terraform/environments/production/terraform.tfvars",
            Replace(", \"eu-central-1c\"]", "]"),
            "terraform test environments/production",
            "three different ones",
        ),
        planted(
            "nodes in two zones",
            "terraform/modules/cluster/nodes.tf",
            Replace(
                "  for_each = var.subnet_ids\n",
                "  for_each = { for zone, id in var.subnet_ids : zone => id if !endswith(zone, \"c\") }\n",
            ),
            "terraform test modules/cluster",
            "a zone has no node group of its own",
        ),
        planted(
            "a way out that is lost with another zone",
            "terraform/modules/network/main.tf",
            Replace("[var.nat_per_zone ? each.key : var.zones[0]]", "[var.zones[0]]"),
            "terraform test modules/network",
            "a zone's way out lies in another zone",
        ),
        planted(
            "deletion protection off",
            "terraform/modules/cluster/variables.tf",
            Replace(
                "refuses to be deleted.\"\n  type        = bool\n  default     = true",
                "refuses to be deleted.\"\n  type        = bool\n  default     = false",
            ),
            "terraform test modules/cluster",
            "deletion protection is off",
        ),
        planted(
            "the load balancer can be deleted",
            "terraform/modules/edge/load_balancer.tf",
            Replace("= var.deletion_protection", "= false"),
            "terraform test modules/edge",
            "deletion protection is off",
        ),
        planted(
            "Valkey does not fail over",
            "terraform/modules/cache/main.tf",
            Replace("automatic_failover_enabled  = true", "automatic_failover_enabled  = false"),
            "terraform test modules/cache",
            "does not fail over by itself",
        ),
        planted(
            "object lock gone",
            "terraform/modules/database/main.tf",
            Replace(
                "  name              = \"${var.name}-postgres-archive\"\n  key_arn           = module.key.arn\n  locked_days       = var.locked_days\n",
                "  name              = \"${var.name}-postgres-archive\"\n  key_arn           = module.key.arn\n",
            ),
            "terraform test modules/database",
            "can be deleted",
        ),
        planted(
            "backups are not copied to the second region",
            "terraform/modules/backup/main.tf",
            Replace(
                "destination_vault_arn = aws_backup_vault.replica.arn",
                "destination_vault_arn = aws_backup_vault.this.arn",
            ),
            "terraform test modules/backup",
            "backups are not copied to the second region",
        ),
        planted(
            "versions of objects are not kept",
            "terraform/modules/bucket/main.tf",
            Replace(
                "    status = \"Enabled\"\n  }\n}\n\nresource \"aws_s3_bucket_object_lock",
                "    status = \"Suspended\"\n  }\n}\n\nresource \"aws_s3_bucket_object_lock",
            ),
            "terraform test modules/bucket",
            "an overwritten object is lost",
        ),
        planted(
            "a restored database that cannot read the archive",
            "terraform/environments/production/workloads.tf",
            Drop("console_postgres_restored"),
            "terraform test environments/production",
            "do not reach the archive",
        ),
        planted(
            "a region that cannot take the other's names over",
            "terraform/modules/edge/names.tf",
            Replace(
                "concat(local.hosts, var.peer_hosts == null ? [] : values(var.peer_hosts))",
                "local.hosts",
            ),
            "terraform test modules/edge",
            "is on no certificate",
        ),
        planted(
            "an alarm goes nowhere",
            "terraform/modules/observability/alarms.tf",
            Replace("  ok_actions          = [aws_sns_topic.alarms.arn]", "  ok_actions          = []"),
            "terraform test modules/observability",
            "is told to nobody",
        ),
    ]
}

fn encryption() -> Vec<Planted> {
    vec![
        planted(
            "secrets of the cluster are not encrypted",
            "terraform/modules/cluster/main.tf",
            Replace("    resources = [\"secrets\"]\n", "    resources = []\n"),
            "terraform test modules/cluster",
            "secrets are not encrypted with our key",
        ),
        planted(
            "Valkey speaks without TLS",
            "terraform/modules/cache/main.tf",
            Replace("\"required\"", "\"preferred\""),
            "terraform test modules/cache",
            "answers without TLS",
        ),
        planted(
            "a key that does not rotate",
            "terraform/modules/key/main.tf",
            Replace("enable_key_rotation     = true", "enable_key_rotation     = false"),
            "terraform policies",
            "CKV_AWS_7",
        ),
        planted(
            "state of another environment",
            "terraform/state/variables.tf",
            Replace("var.environment == terraform.workspace", "var.environment != \"\""),
            "terraform test state",
            "another_environment_s_state_is_refused",
        ),
        planted(
            "state that is not encrypted",
            "terraform/state/main.tf",
            Drop("key_arn           = module.key.arn"),
            "terraform test state",
            "state is not encrypted",
        ),
    ]
}

fn openness() -> Vec<Planted> {
    vec![
        planted(
            "a bucket that can be public",
            "terraform/modules/bucket/main.tf",
            Replace("  restrict_public_buckets = true", "  restrict_public_buckets = false"),
            "terraform test modules/bucket",
            "can be opened to the public",
        ),
        planted(
            "the load balancer is open to 0.0.0.0/0",
            "terraform/modules/network/security_groups.tf",
            Replace(
                "  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront.id\n",
                "  cidr_ipv4         = \"0.0.0.0/0\"\n",
            ),
            "terraform test modules/network",
            "open to the Internet",
        ),
        planted(
            "a rule of a security group is dropped",
            "terraform/modules/network/security_groups.tf",
            Drop("why = \"services to Valkey\""),
            "terraform test modules/network",
            "a connection between groups was added or dropped",
        ),
        planted(
            "the Kubernetes API on the Internet",
            "terraform/modules/cluster/main.tf",
            Replace("endpoint_public_access  = false", "endpoint_public_access  = true"),
            "terraform test modules/cluster",
            "on the Internet",
        ),
        planted(
            "tags of images that can be moved",
            "terraform/modules/registry/main.tf",
            Replace("\"IMMUTABLE\"", "\"MUTABLE\""),
            "terraform test modules/registry",
            "a tag can be moved",
        ),
        planted(
            "SNS behind an endpoint that refuses what has no credentials",
            "terraform/modules/network/endpoints.tf",
            Replace("\"secretsmanager\", \"sqs\"", "\"secretsmanager\", \"sns\", \"sqs\""),
            "terraform test modules/network",
            "SNS is asked through an endpoint",
        ),
        planted(
            "a node's identity within pods' reach",
            "terraform/modules/cluster/nodes.tf",
            Replace("http_put_response_hop_limit = 1", "http_put_response_hop_limit = 2"),
            "terraform test modules/cluster",
            "pods get at their node's identity",
        ),
        planted(
            "a way to the console that no network may take",
            "terraform/modules/edge/distributions.tf",
            Replace("= each.key != \"console\"", "= true"),
            "terraform test modules/edge",
            "browsers come to the console by IPv6",
        ),
        planted(
            "a distribution past the firewall",
            "terraform/modules/edge/distributions.tf",
            Replace(
                "  aliases             = [var.hosts.shop]\n  web_acl_id          = aws_wafv2_web_acl.this.arn\n",
                "  aliases             = [var.hosts.shop]\n",
            ),
            "terraform test modules/edge",
            "not behind WAF",
        ),
        planted(
            "External Secrets reads every environment's secrets",
            "terraform/modules/secrets/main.tf",
            Replace(":secret:quarterdeck/${var.environment}/*\"", ":secret:quarterdeck/*\""),
            "terraform test modules/secrets",
            "another environment's secrets",
        ),
    ]
}

fn agreement() -> Vec<Planted> {
    vec![
        planted(
            "an environment with code of its own",
            "terraform/environments/staging/main.tf",
            Append("\n# Here only.\n"),
            "terraform environments",
            "main.tf",
        ),
        planted(
            "names of the other region that it does not have",
            "terraform/environments/production-standby/terraform.tfvars",
            Replace("\"shop.example.com\"", "\"www.example.com\""),
            "terraform environments",
            "peer_hosts of production-standby",
        ),
        planted(
            "a README that is old",
            "terraform/modules/cache/variables.tf",
            Replace("Region of the logs.", "Region of everything."),
            "terraform docs",
            "modules/cache/README.md",
        ),
        planted(
            "a secret that the cluster reads and nobody makes",
            "terraform/environments/production/secrets.tf",
            Drop("stripe-key "),
            "terraform secrets",
            "stripe-key",
        ),
        planted(
            "a password that is refused a month after it was given out",
            "terraform/environments/production/secrets.tf",
            Replace(
                "console's administrator\", made = \"random\"",
                "console's administrator\", made = \"random\", rotate_days = 30",
            ),
            "terraform secrets",
            "console-admin-password rotates by itself",
        ),
        planted(
            "a path that CloudFront does not hide",
            "terraform/modules/edge/functions/shop.js",
            Replace("'readyz', ", ""),
            "terraform edge",
            "hidden paths",
        ),
        planted(
            "a page of somebody's own that is kept for all",
            "terraform/modules/edge/functions/shop.js",
            Replace("  if (own) request", "  if (false) request"),
            "terraform edge function",
            "AssertionError",
        ),
        planted(
            "a function that is not what is deployed",
            "terraform/modules/secrets/rotation/rotate.py",
            Append("# changed\n"),
            "terraform rotation",
            "rotate.zip",
        ),
    ]
}
