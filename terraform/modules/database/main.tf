# What CloudNativePG needs of AWS: a bucket for the continuous archive and base backups, a copy of it in the second region from
# which the replica cluster there recovers, and keys. The servers and the classes of their volumes are the cluster's (`gitops/`).

module "key" {
  source = "../key"

  name        = "${var.name}/database"
  description = "Archive and volumes of Postgres, ${var.name}"
  services    = ["backup.amazonaws.com"]
}

module "replica_key" {
  source = "../key"

  name        = "${var.name}/database"
  description = "Copy of the archive of Postgres, ${var.name}"
  region      = var.replica_region
}

module "archive" {
  source = "../bucket"

  name              = "${var.name}-postgres-archive"
  key_arn           = module.key.arn
  locked_days       = var.locked_days
  lock_mode         = var.lock_mode
  old_versions_days = var.archive_days
  log_bucket        = var.log_bucket
}

module "replica" {
  source = "../bucket"

  name              = "${var.name}-postgres-archive-replica"
  region            = var.replica_region
  key_arn           = module.replica_key.arn
  locked_days       = var.locked_days
  lock_mode         = var.lock_mode
  old_versions_days = var.archive_days
}

module "replication" {
  source = "../replication"

  name                = "${var.name}-postgres-archive"
  source_bucket       = module.archive.id
  source_arn          = module.archive.arn
  source_key_arn      = module.key.arn
  destination_arn     = module.replica.arn
  destination_key_arn = module.replica_key.arn
}

locals {
  # A server writes and reads its archive, and removes what is past its retention; the lock decides whether that is gone.
  archive_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = module.archive.arn
      },
      {
        Sid      = "Archive"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${module.archive.arn}/*"
      },
      {
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = module.key.arn
      },
    ]
  })
}
