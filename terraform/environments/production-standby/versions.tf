terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # Bucket, key and region stand in backend.hcl: `terraform init -backend-config=backend.hcl`. Whoever applies holds the lock.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project     = "quarterdeck"
      environment = var.environment
      managed-by  = "terraform"
    }
  }
}
