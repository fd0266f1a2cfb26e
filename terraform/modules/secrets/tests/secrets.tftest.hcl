variables {
  name           = "test"
  environment    = "staging"
  region         = "eu-central-1"
  replica_region = "eu-west-1"
  secrets = {
    shop-staff-password = { description = "first log-in of the shop's staff", made = "random", rotate_days = 30 }
    redis               = { description = "Valkey", made = "random", shared = true }
    slack-webhook-url   = { description = "Slack", made = "given" }
  }
}

run "secrets_are_encrypted_kept_after_deletion_and_in_two_regions" {
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == module.key.arn && one(secret.replica).kms_key_id == module.replica_key.arn])
    error_message = "a secret is not encrypted with our keys"
  }

  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : one(secret.replica).region == "eu-west-1"])
    error_message = "a secret is not in the second region"
  }

  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.recovery_window_in_days == 30])
    error_message = "a secret that is deleted by mistake is gone at once"
  }

  assert {
    condition     = aws_secretsmanager_secret.this["redis"].name == "quarterdeck/staging/redis"
    error_message = "names are not those that External Secrets reads"
  }

  assert {
    condition     = alltrue([for policy in aws_secretsmanager_secret_policy.this : policy.block_public_policy && jsondecode(policy.policy).Statement[0].Effect == "Deny"])
    error_message = "another account may read a secret"
  }
}

run "what_can_rotate_does_and_what_a_person_gives_is_not_made_up" {
  assert {
    condition     = keys(aws_secretsmanager_secret_rotation.this) == ["shop-staff-password"] && aws_secretsmanager_secret_rotation.this["shop-staff-password"].rotation_rules[0].automatically_after_days == 30
    error_message = "rotation is gone, or rotates what it should not"
  }

  assert {
    condition     = keys(aws_secretsmanager_secret_version.first) == ["redis", "shop-staff-password"]
    error_message = "a secret that a person gives was made up, or a random one was not"
  }

  assert {
    condition     = aws_lambda_function.rotation.kms_key_arn == module.key.arn && aws_cloudwatch_log_group.rotation.kms_key_id == module.key.arn && aws_sqs_queue.rotation_failed.kms_master_key_id == module.key.arn
    error_message = "what rotates is not encrypted"
  }
}

run "an_environment_reads_its_own_secrets" {
  assert {
    condition     = endswith(jsondecode(local.read_policy).Statement[0].Resource, ":secret:quarterdeck/staging/*")
    error_message = "External Secrets may read another environment's secrets"
  }
}

run "what_somebody_else_holds_does_not_rotate_by_itself" {
  command = plan

  variables {
    secrets = { redis = { description = "Valkey", made = "random", shared = true, rotate_days = 30 } }
  }

  expect_failures = [var.secrets]
}
