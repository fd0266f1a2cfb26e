variables {
  name           = "test"
  replica_region = "eu-west-1"
  locked_days    = 35
  kept_days      = 90
  lock_mode      = "COMPLIANCE"
  resource_arns  = ["arn:aws:s3:::test-postgres-archive"]
}

run "backups_are_locked_encrypted_and_in_two_regions" {
  assert {
    condition     = aws_backup_vault.this.kms_key_arn == module.key.arn && aws_backup_vault.replica.kms_key_arn == module.replica_key.arn && aws_backup_vault.replica.region == "eu-west-1"
    error_message = "a vault is not encrypted with our key, or not in the second region"
  }

  assert {
    condition     = alltrue([for lock in [aws_backup_vault_lock_configuration.this, aws_backup_vault_lock_configuration.replica] : lock.min_retention_days == 35 && lock.changeable_for_days == 7])
    error_message = "a vault's lock is gone, or can be lifted for ever"
  }

  assert {
    condition     = !aws_backup_vault.this.force_destroy && !aws_backup_vault.replica.force_destroy
    error_message = "a vault can be deleted with what it holds"
  }
}

run "there_is_a_backup_every_day_and_a_copy_of_it" {
  assert {
    condition     = one(aws_backup_plan.this.rule).schedule == "cron(0 2 * * ? *)"
    error_message = "there is no daily backup"
  }

  assert {
    condition     = one(one(aws_backup_plan.this.rule).copy_action).destination_vault_arn == aws_backup_vault.replica.arn
    error_message = "backups are not copied to the second region"
  }

  assert {
    condition     = aws_backup_selection.resources.resources == toset(["arn:aws:s3:::test-postgres-archive"]) && one(aws_backup_selection.volumes.selection_tag).key == "quarterdeck.io/backup"
    error_message = "the archive, or tagged volumes, are not backed up"
  }
}

run "what_is_locked_is_kept" {
  command = plan

  variables {
    kept_days = 10
  }

  expect_failures = [var.kept_days]
}
