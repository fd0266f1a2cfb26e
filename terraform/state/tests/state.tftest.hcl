# Tests run in the workspace `default`.
variables {
  environment = "default"
  region      = "eu-central-1"
}

run "state_is_encrypted_and_its_versions_are_kept" {
  assert {
    condition     = module.bucket.key_arn == module.key.arn && module.bucket.versioning == "Enabled"
    error_message = "state is not encrypted with our key, or a lost state stays lost"
  }

  assert {
    condition     = output.bucket != "" && output.key_alias == "alias/quarterdeck-default/terraform-state"
    error_message = "backend.hcl names another bucket or key"
  }
}

run "another_environment_s_state_is_refused" {
  command = plan

  variables {
    environment = "staging"
  }

  expect_failures = [var.environment]
}
