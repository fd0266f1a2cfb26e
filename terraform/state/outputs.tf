output "bucket" {
  description = "Bucket of the state: `bucket` in backend.hcl."
  value       = module.bucket.id
}

output "key_alias" {
  description = "Its key: `kms_key_id` in backend.hcl."
  value       = module.key.alias
}
