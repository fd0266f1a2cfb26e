output "arns" {
  description = "ARNs of the secrets, by name."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "read_policy" {
  description = "What External Secrets may do: read this environment's secrets."
  value       = local.read_policy
}

output "shared" {
  description = "Values that another part of AWS must know as well, by name."
  value       = { for name, version in data.aws_secretsmanager_secret_version.shared : name => version.secret_string }
  sensitive   = true
}
