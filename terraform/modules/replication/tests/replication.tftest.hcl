variables {
  name                = "test"
  source_bucket       = "test-source"
  source_arn          = "arn:aws:s3:::test-source"
  source_key_arn      = "arn:aws:kms:eu-central-1:111122223333:key/1"
  destination_arn     = "arn:aws:s3:::test-copy"
  destination_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/2"
}

run "objects_are_copied_encrypted_within_a_quarter_of_an_hour" {
  assert {
    condition     = aws_s3_bucket_replication_configuration.this.rule[0].status == "Enabled"
    error_message = "nothing is copied"
  }

  assert {
    condition     = aws_s3_bucket_replication_configuration.this.rule[0].destination[0].encryption_configuration[0].replica_kms_key_id == var.destination_key_arn
    error_message = "copies are not encrypted with the second region's key"
  }

  assert {
    condition     = aws_s3_bucket_replication_configuration.this.rule[0].destination[0].replication_time[0].time[0].minutes == 15
    error_message = "copies have no bound in time"
  }

  assert {
    condition     = aws_s3_bucket_replication_configuration.this.rule[0].delete_marker_replication[0].status == "Disabled"
    error_message = "whoever deletes here deletes there as well"
  }
}

run "the_role_deletes_nothing" {
  assert {
    condition     = !strcontains(aws_iam_role_policy.this.policy, "Delete")
    error_message = "the role of replication may delete"
  }
}
