bucket     = "quarterdeck-staging-terraform-state"
key        = "staging/terraform.tfstate"
region     = "eu-central-1"
kms_key_id = "alias/quarterdeck-staging/terraform-state"
