output "primary_endpoints" {
  description = "Address of the node that takes writes, by store: `rediss://ADDRESS:6379`."
  value       = { for store, group in aws_elasticache_replication_group.this : store => group.primary_endpoint_address }
}

output "replication_group_ids" {
  description = "Ids for alarms, by store."
  value       = { for store, group in aws_elasticache_replication_group.this : store => group.replication_group_id }
}
