bucket     = "quarterdeck-production-standby-terraform-state"
key        = "production-standby/terraform.tfstate"
region     = "eu-west-1"
kms_key_id = "alias/quarterdeck-production-standby/terraform-state"
