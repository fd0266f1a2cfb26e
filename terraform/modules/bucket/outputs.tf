output "id" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.id

  # Whoever writes finds the bucket closed, encrypted and versioned.
  depends_on = [
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
    aws_s3_bucket_policy.this,
  ]
}

output "arn" {
  description = "The bucket's ARN."
  value       = aws_s3_bucket.this.arn
}

output "versioning" {
  description = "`Enabled`: replication needs it."
  value       = aws_s3_bucket_versioning.this.versioning_configuration[0].status
}

output "region" {
  description = "The bucket's region, where it is not the provider's."
  value       = var.region
}

output "locked_days" {
  description = "Days for which no version can be deleted."
  value       = try(aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].days, 0)
}

output "key_arn" {
  description = "Key that encrypts the objects; null for S3's own."
  value       = one([for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule : rule.apply_server_side_encryption_by_default[0].kms_master_key_id])
}
