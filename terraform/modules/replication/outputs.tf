output "status" {
  description = "`Enabled`."
  value       = aws_s3_bucket_replication_configuration.this.rule[0].status
}

output "destination_arn" {
  description = "Where copies go."
  value       = aws_s3_bucket_replication_configuration.this.rule[0].destination[0].bucket
}
