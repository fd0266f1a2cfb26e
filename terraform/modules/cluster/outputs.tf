output "name" {
  description = "The cluster's name."
  value       = aws_eks_cluster.this.name
}

output "arn" {
  description = "The cluster's ARN."
  value       = aws_eks_cluster.this.arn
}

output "endpoint" {
  description = "Address of the Kubernetes API, reachable inside the network."
  value       = aws_eks_cluster.this.endpoint
}

output "certificate_authority" {
  description = "The API's authority, base64."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "key_arn" {
  description = "Key of secrets and volumes."
  value       = module.key.arn
}

output "node_role" {
  description = "Role of nodes: what Karpenter's node class names."
  value       = aws_iam_role.node.name
}

output "interruption_queue" {
  description = "Queue that tells Karpenter of nodes that AWS takes back."
  value       = aws_sqs_queue.interruptions.name
}

output "role_arns" {
  description = "Roles of pods, by workload."
  value       = { for name, role in aws_iam_role.pod : name => role.arn }
}
