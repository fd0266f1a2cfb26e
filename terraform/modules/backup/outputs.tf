output "vault_names" {
  description = "Vaults of AWS Backup, here and in the second region."
  value       = { here = aws_backup_vault.this.name, replica = aws_backup_vault.replica.name }
}
