output "vpc_id" {
  description = "The network's id."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Private subnets by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "private_cidrs" {
  description = "Addresses of the private subnets: what storefronts trust as proxies, since the load balancer and CloudFront's private origin have theirs there."
  value       = [for zone in var.zones : local.private_cidrs[zone]]
}

output "security_group_ids" {
  description = "Security groups by what has them: nodes, load_balancer, control_plane, endpoints, cache, operators."
  value       = local.groups
}

output "nat_addresses" {
  description = "Addresses from which pods reach the Internet, for lists of others."
  value       = [for zone in local.nat_zones : aws_eip.nat[zone].public_ip]
}

output "nat_gateway_ids" {
  description = "Ways out, by zone."
  value       = { for zone, gateway in aws_nat_gateway.this : zone => gateway.id }
}
