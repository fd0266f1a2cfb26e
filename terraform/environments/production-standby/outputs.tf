output "cluster" {
  description = "Name and address of the cluster."
  value       = { name = module.cluster.name, endpoint = module.cluster.endpoint }
}

output "registry" {
  description = "Prefix of the images' names."
  value       = local.registry
}

output "zones" {
  description = "Zones that the environment stands in."
  value       = keys(module.network.private_subnet_ids)
}

output "operators_security_group" {
  description = "Security group of machines in a private subnet that administer the cluster; nobody else but nodes reaches its API."
  value       = module.network.security_group_ids.operators
}

output "nat_addresses" {
  description = "Addresses from which pods reach the Internet."
  value       = module.network.nat_addresses
}

output "distributions" {
  description = "CloudFront's distributions, by what is behind them."
  value       = module.edge.distribution_ids
}

output "buckets" {
  description = "Buckets, the archive's with its copy in the second region."
  value = {
    archive      = module.database.archive_bucket
    archive_copy = module.database.replica_bucket
    telemetry    = module.observability.telemetry_bucket
    access_logs  = module.logs.id
  }
}

output "given_secrets" {
  description = "Secrets that a person puts in before the first release."
  value       = keys(local.given_secrets)
}

output "alarms" {
  description = "Alarms of AWS, with what each says."
  value       = module.observability.alarms
}

output "facts" {
  description = "What the cluster was told: variables of gitops/."
  value       = module.flux.facts
}
