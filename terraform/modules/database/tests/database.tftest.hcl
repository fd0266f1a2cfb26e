variables {
  name           = "test"
  replica_region = "eu-west-1"
  locked_days    = 35
  lock_mode      = "COMPLIANCE"
}

run "the_archive_is_locked_encrypted_and_copied_to_the_second_region" {
  assert {
    condition     = module.replication.destination_arn == module.replica.arn && module.replication.status == "Enabled"
    error_message = "the archive is not copied to the second region"
  }

  assert {
    condition     = module.archive.locked_days == 35 && module.replica.locked_days == 35
    error_message = "the archive, or its copy, can be deleted"
  }

  assert {
    condition     = module.archive.key_arn == module.key.arn && module.replica.key_arn == module.replica_key.arn
    error_message = "the archive, or its copy, is not encrypted with our key"
  }

  assert {
    condition     = module.replica.region == "eu-west-1"
    error_message = "the copy is not in the second region"
  }
}

run "nobody_touches_other_buckets" {
  assert {
    condition = alltrue([
      for statement in jsondecode(local.archive_policy).Statement :
      startswith(statement.Resource, module.archive.arn) || statement.Resource == module.key.arn
    ])
    error_message = "a server may touch more than its archive"
  }
}

run "a_lock_of_a_day_is_refused" {
  command = plan

  variables {
    locked_days = 1
  }

  expect_failures = [var.locked_days]
}
