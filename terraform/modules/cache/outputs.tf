output "primary_endpoints" {
  description = "Address of the node that takes writes, by store: `rediss://ADDRESS:6379`."
  value       = { for store, group in aws_elasticache_replication_group.this : store => group.primary_endpoint_address }
}

output "node_ids" {
  description = "Ids of the nodes, by store, as ElastiCache numbers them: what metrics are of."
  value       = { for store in keys(local.stores) : store => [for index in range(length(var.subnet_ids)) : format("%s-%s-%03d", var.name, store, index + 1)] }
}
