# A key of this account's own, rotated every year. Whoever may use it says so through IAM; services of AWS are named here, and
# only for resources of this account.

data "aws_caller_identity" "current" {}

resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  deletion_window_in_days = 30
  region                  = var.region

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      [for service in sort(var.services) : {
        Sid       = "Service${replace(title(replace(service, "/[^a-z0-9]/", " ")), " ", "")}"
        Effect    = "Allow"
        Principal = { Service = service }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey", "kms:CreateGrant"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      }],
      # EventBridge names no account to the key of a topic (SNS' guide: conditions on the source are not supported there).
      [for service in var.event_targets ? ["events.amazonaws.com"] : [] : {
        Sid       = "EventTargets"
        Effect    = "Allow"
        Principal = { Service = service }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
      }],
      [for role in sort(var.service_linked_roles) : {
        Sid       = "Role${replace(title(replace(role, "/[^a-z0-9]/", " ")), " ", "")}"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/aws-service-role/${role}" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey", "kms:CreateGrant"]
        Resource  = "*"
      }],
      # CloudWatch Logs names no account, but the group that it encrypts.
      [for region in sort(var.log_regions) : {
        Sid       = "Logs${replace(title(replace(region, "-", " ")), " ", "")}"
        Effect    = "Allow"
        Principal = { Service = "logs.${region}.amazonaws.com" }
        Action    = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${region}:${data.aws_caller_identity.current.account_id}:*" } }
      }],
    )
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
  region        = var.region
}
