# Where an environment's state lies: made once for each environment, before anything else, in a workspace of its own whose state
# stays beside it (`terraform workspace select -or-create=true staging`, `terraform apply -var environment=staging -var
# region=eu-central-1`); in another one's it refuses.

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
