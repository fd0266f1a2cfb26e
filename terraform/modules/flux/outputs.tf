output "facts" {
  description = "What the cluster was told: variables of `gitops/`."
  value       = local.facts
}
