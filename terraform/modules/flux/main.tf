# The first step of GitOps: what Flux must know of AWS (`cluster-facts`), the token with which it reads the repository, and one run
# of `bootstrap.sh`, which installs Flux from the repository itself. Everything after that is a commit.

locals {
  all_facts = {
    alarm_topic_arn        = var.alarm_topic_arn
    archive_bucket         = var.archive_bucket
    archive_copy_bucket    = var.archive_copy_bucket
    cache_durable_endpoint = try(var.cache_endpoints["durable"], null)
    cache_endpoint         = try(var.cache_endpoints["cache"], null)
    cluster_name           = var.cluster_name
    console_host           = var.hosts.console
    edge_target_group_arn  = var.edge_target_group_arn
    github_owner           = var.repository.owner
    github_repository      = var.repository.name
    hooks_host             = var.hosts.hooks
    karpenter_node_role    = var.karpenter_node_role
    karpenter_queue        = var.karpenter_queue
    mail_from              = var.mail_from
    region                 = var.region
    registry               = var.registry
    repository_url         = "https://github.com/${var.repository.owner}/${var.repository.name}"
    shop_host              = var.hosts.shop
    telemetry_bucket       = var.telemetry_bucket
    trusted_proxies        = join(",", var.trusted_proxies)
    volume_key_arn         = var.volume_key_arn
    vpc_id                 = var.vpc_id
  }
  # Of what is not there, nothing is told.
  facts = { for name, value in local.all_facts : name => value if value != null }

  # Nothing of it is secret: secrets come by External Secrets.
  manifest = jsonencode({
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = "cluster-facts", namespace = "flux-system" }
    data       = local.facts
  })
}

# Read by `bootstrap.sh`, and by whoever wants to know what the cluster was told.
resource "aws_ssm_parameter" "facts" {
  name        = "/quarterdeck/${var.cluster_name}/cluster-facts"
  description = "ConfigMap flux-system/cluster-facts of ${var.cluster_name}"
  type        = "SecureString"
  tier        = "Advanced"
  key_id      = var.key_arn
  value       = local.manifest
}

# Runs where `kubectl` reaches the API: inside the network, or through a tunnel into it. It changes what differs and nothing
# else, so that it can run again.
resource "terraform_data" "bootstrap" {
  triggers_replace = {
    cluster = var.cluster_arn
    facts   = sha256(local.manifest)
    script  = filesha256("${path.module}/bootstrap.sh")
  }

  provisioner "local-exec" {
    command = "${path.module}/bootstrap.sh"

    environment = {
      CLUSTER       = var.cluster_name
      REGION        = var.region
      GITOPS_PATH   = var.gitops_path
      FACTS         = local.manifest
      GIT_SECRET_ID = var.git_secret_id
      FLUX_VERSION  = var.flux_version
    }
  }
}
