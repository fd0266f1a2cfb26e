# Where an environment's state lies: made once for each environment, with state of its own beside it (`terraform apply
# -var environment=staging -var region=eu-central-1`), before anything else.

module "key" {
  source = "../modules/key"

  name        = "quarterdeck-${var.environment}/terraform-state"
  description = "Terraform's state of ${var.environment}"
}

module "bucket" {
  source = "../modules/bucket"

  name              = "quarterdeck-${var.environment}-terraform-state"
  key_arn           = module.key.arn
  old_versions_days = 365
}
