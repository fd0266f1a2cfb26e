variables {
  environment = "staging"
  region      = "eu-central-1"
}

run "state_is_encrypted_and_its_versions_are_kept" {
  assert {
    condition     = module.bucket.key_arn == module.key.arn && module.bucket.versioning == "Enabled"
    error_message = "state is not encrypted with our key, or a lost state stays lost"
  }

  assert {
    condition     = output.bucket != "" && output.key_alias == "alias/quarterdeck-staging/terraform-state"
    error_message = "backend.hcl names another bucket or key"
  }
}
