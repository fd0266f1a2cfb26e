run "a_bucket_is_closed_encrypted_versioned_and_locked" {
  command = plan

  variables {
    name        = "test-archive"
    key_arn     = "arn:aws:kms:eu-central-1:111122223333:key/1"
    locked_days = 35
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "the bucket can be opened to the public"
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      rule.apply_server_side_encryption_by_default[0].sse_algorithm
    ]) == "aws:kms"
    error_message = "objects are not encrypted with the given key"
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "an overwritten object is lost"
  }

  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].mode == "COMPLIANCE"
    error_message = "the object lock is gone"
  }

  assert {
    condition     = aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].days == 35
    error_message = "the object lock has another length"
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[0].noncurrent_version_expiration[0].noncurrent_days == 35
    error_message = "versions end before their lock does"
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "objects can have access lists"
  }
}

run "a_bucket_talks_over_tls_only" {
  variables {
    name = "test-logs"
    policy_statements = [{
      Sid       = "Logs"
      Effect    = "Allow"
      Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
      Action    = "s3:PutObject"
      Paths     = ["/alb/*"]
    }]
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
    ])
    error_message = "the bucket answers without TLS"
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[1].Resource == ["${aws_s3_bucket.this.arn}/alb/*"]
    error_message = "a statement's paths are not below the bucket"
  }
}

run "a_name_is_one_that_s3_takes" {
  command = plan

  variables {
    name = "Test_Bucket"
  }

  expect_failures = [var.name]
}
