output "bucket" {
  description = "Bucket for exports."
  value       = module.bucket.id
}

output "replica_bucket" {
  description = "Its copy in the second region."
  value       = module.replica.id
}

output "write_policy" {
  description = "What a program that exports may do."
  value       = local.write_policy
}

output "vault_names" {
  description = "Vaults of AWS Backup, here and in the second region."
  value       = { here = aws_backup_vault.this.name, replica = aws_backup_vault.replica.name }
}
