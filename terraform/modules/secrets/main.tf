# Secrets by one scheme of names, `quarterdeck/<environment>/<name>`: the name is the one that External Secrets reads in `gitops/`
# and, where the local platform has the secret as well, the file below `.data/secrets/`. Values stand nowhere in the code. Who makes
# a secret: `random` ones are made here, `given` ones are put in by a person, and until then have no value.

data "aws_caller_identity" "current" {}

module "key" {
  source = "../key"

  name        = "${var.name}/secrets"
  description = "Secrets, ${var.name}"
  services    = ["secretsmanager.amazonaws.com", "lambda.amazonaws.com"]
  log_regions = [var.region]
}

module "replica_key" {
  source = "../key"

  name        = "${var.name}/secrets"
  description = "Copies of secrets, ${var.name}"
  services    = ["secretsmanager.amazonaws.com"]
  region      = var.replica_region
}

resource "aws_secretsmanager_secret" "this" {
  for_each = var.secrets

  name                    = "quarterdeck/${var.environment}/${each.key}"
  description             = each.value.description
  kms_key_id              = module.key.arn
  recovery_window_in_days = 30

  # The second region starts with the same secrets.
  replica {
    region     = var.replica_region
    kms_key_id = module.replica_key.arn
  }
}

resource "aws_secretsmanager_secret_policy" "this" {
  for_each = var.secrets

  secret_arn          = aws_secretsmanager_secret.this[each.key].arn
  block_public_policy = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OwnAccount"
      Effect    = "Deny"
      Principal = "*"
      Action    = "secretsmanager:*"
      Resource  = "*"
      Condition = { StringNotEquals = { "aws:PrincipalAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

locals {
  random  = { for name, secret in var.secrets : name => secret if secret.made == "random" }
  rotated = { for name, secret in local.random : name => secret if secret.rotate_days != null }

  # External Secrets reads this environment's secrets, and no other's.
  read_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds"]
        Resource = "arn:aws:secretsmanager:${var.region}:${data.aws_caller_identity.current.account_id}:secret:quarterdeck/${var.environment}/*"
      },
      {
        Sid      = "Key"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = module.key.arn
      },
    ]
  })
}

data "aws_secretsmanager_random_password" "first" {
  for_each = local.random

  password_length     = 64
  exclude_punctuation = true
}

# Write-only: the version keeps no value in state. What was read above for it is in the state until the next plan reads anew, and in
# older versions of the state: whoever reads those reads first values. A new `generation` makes a new one.
resource "aws_secretsmanager_secret_version" "first" {
  for_each = local.random

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = data.aws_secretsmanager_random_password.first[each.key].random_password
  secret_string_wo_version = each.value.generation
}

# What another part of AWS must know as well: the passwords of Valkey.
data "aws_secretsmanager_secret_version" "shared" {
  for_each = { for name, secret in local.random : name => secret if secret.shared }

  secret_id = aws_secretsmanager_secret_version.first[each.key].secret_id
}

resource "aws_secretsmanager_secret_rotation" "this" {
  for_each = local.rotated

  secret_id           = aws_secretsmanager_secret.this[each.key].id
  rotation_lambda_arn = aws_lambda_function.rotation.arn
  rotate_immediately  = false

  rotation_rules {
    automatically_after_days = each.value.rotate_days
    duration                 = "2h"
  }

  depends_on = [aws_lambda_permission.rotation, aws_iam_role_policy.rotation, aws_secretsmanager_secret_version.first]
}
