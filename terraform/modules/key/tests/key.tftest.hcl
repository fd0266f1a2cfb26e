run "a_key_rotates_and_names_who_uses_it" {
  variables {
    name        = "test/archive"
    description = "test"
    services    = ["sns.amazonaws.com"]
    log_regions = ["eu-central-1"]
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "the key does not rotate"
  }

  assert {
    condition     = aws_kms_key.this.deletion_window_in_days == 30
    error_message = "a key that is deleted by mistake must be there for a month"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_kms_key.this.policy).Statement :
      can(statement.Condition) || statement.Sid == "Account"
    ])
    error_message = "a service may use the key for other accounts"
  }

  assert {
    condition     = length(jsondecode(aws_kms_key.this.policy).Statement) == 3
    error_message = "somebody else may use the key"
  }
}

run "eventbridge_needs_no_account_and_gets_no_more_than_it_uses" {
  variables {
    name          = "test/events"
    description   = "test"
    event_targets = true
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key.this.policy).Statement : { action = statement.Action, free = !can(statement.Condition) } if statement.Sid == "EventTargets"] == [
      { action = ["kms:Decrypt", "kms:GenerateDataKey*"], free = true }
    ]
    error_message = "EventBridge cannot send to what the key encrypts, or may do more"
  }
}

run "a_service_is_a_principal" {
  command = plan

  variables {
    name        = "test"
    description = "test"
    services    = ["*"]
  }

  expect_failures = [var.services]
}
