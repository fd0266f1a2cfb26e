bucket     = "quarterdeck-production-terraform-state"
key        = "production/terraform.tfstate"
region     = "eu-central-1"
kms_key_id = "alias/quarterdeck-production/terraform-state"
