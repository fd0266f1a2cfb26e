output "target_group_arn" {
  description = "Target group that the gateway's pods join."
  value       = aws_lb_target_group.this.arn
}

output "target_group_suffix" {
  description = "The target group, as metrics name it."
  value       = aws_lb_target_group.this.arn_suffix
}

output "load_balancer_suffix" {
  description = "The load balancer, as metrics name it."
  value       = aws_lb.this.arn_suffix
}

output "distribution_ids" {
  description = "Distributions, by what is behind them."
  value       = { for name, distribution in local.distributions : name => distribution.id }
}
