# Backups apart from what is backed up: AWS Backup of volumes and the archive's bucket, every day, in a vault whose lock nobody
# lifts, and a copy of each in such a vault of the second region.

data "aws_caller_identity" "current" {}

module "key" {
  source = "../key"

  name        = "${var.name}/backup"
  description = "Backups, ${var.name}"
  services    = ["backup.amazonaws.com"]
}

module "replica_key" {
  source = "../key"

  name        = "${var.name}/backup"
  description = "Copies of backups, ${var.name}"
  services    = ["backup.amazonaws.com"]
  region      = var.replica_region
}

resource "aws_backup_vault" "this" {
  name          = var.name
  kms_key_arn   = module.key.arn
  force_destroy = false
}

resource "aws_backup_vault" "replica" {
  name          = "${var.name}-replica"
  region        = var.replica_region
  kms_key_arn   = module.replica_key.arn
  force_destroy = false
}

# After `changeable_for_days` nobody lifts a lock in compliance mode, the account's owner included.
resource "aws_backup_vault_lock_configuration" "this" {
  backup_vault_name   = aws_backup_vault.this.name
  min_retention_days  = var.locked_days
  max_retention_days  = 3650
  changeable_for_days = var.lock_mode == "COMPLIANCE" ? 7 : null
}

resource "aws_backup_vault_lock_configuration" "replica" {
  backup_vault_name   = aws_backup_vault.replica.name
  region              = var.replica_region
  min_retention_days  = var.locked_days
  max_retention_days  = 3650
  changeable_for_days = var.lock_mode == "COMPLIANCE" ? 7 : null
}

resource "aws_backup_plan" "this" {
  name = var.name

  rule {
    rule_name                    = "daily"
    target_vault_name            = aws_backup_vault.this.name
    schedule                     = "cron(0 2 * * ? *)"
    schedule_expression_timezone = "Etc/UTC"
    start_window                 = 60
    completion_window            = 360

    lifecycle {
      delete_after = var.kept_days
    }

    copy_action {
      destination_vault_arn = aws_backup_vault.replica.arn

      lifecycle {
        delete_after = var.kept_days
      }
    }
  }
}

resource "aws_iam_role" "backup" {
  name = "${var.name}-backup"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "backup.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "backup" {
  for_each = toset([
    "service-role/AWSBackupServiceRolePolicyForBackup",
    "service-role/AWSBackupServiceRolePolicyForRestores",
    "AWSBackupServiceRolePolicyForS3Backup",
    "AWSBackupServiceRolePolicyForS3Restore",
  ])

  role       = aws_iam_role.backup.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

# Volumes of the cluster that ask for it by their tag, which the storage class `data` gives (`gitops/infrastructure/configs`).
# Postgres has its archive besides.
resource "aws_backup_selection" "volumes" {
  name         = "volumes"
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.backup.arn

  selection_tag {
    type  = "STRINGEQUALS"
    key   = "quarterdeck.io/backup"
    value = "daily"
  }
}

resource "aws_backup_selection" "resources" {
  name         = "resources"
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.backup.arn
  resources    = tolist(var.resource_arns)
}
