output "archive_bucket" {
  description = "Bucket of the archive: `destinationPath` of CloudNativePG's object store."
  value       = module.archive.id
}

output "replica_bucket" {
  description = "Its copy in the second region."
  value       = module.replica.id
}

output "archive_arn" {
  description = "ARN of the archive's bucket."
  value       = module.archive.arn
}

output "archive_policy" {
  description = "What a server may do with the archive."
  value       = local.archive_policy
}

output "volume_key_arn" {
  description = "Key of volumes and archive."
  value       = module.key.arn
}
