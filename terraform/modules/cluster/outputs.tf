output "name" {
  description = "The cluster's name."
  value       = aws_eks_cluster.this.name

  # Whoever installs something finds nodes, names, an identity for each pod that starts, and the door open to administrators.
  depends_on = [
    aws_eks_access_policy_association.administrators,
    aws_eks_addon.this,
    aws_eks_node_group.base,
    aws_eks_pod_identity_association.this,
  ]
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
