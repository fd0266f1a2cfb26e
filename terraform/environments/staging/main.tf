# One environment in one region. Every environment has these files, word for word; what differs stands in terraform.tfvars and
# backend.hcl, and a check holds that.

data "aws_caller_identity" "current" {}

locals {
  name     = "quarterdeck-${var.environment}"
  registry = "${data.aws_caller_identity.current.account_id}.dkr.ecr.${var.region}.amazonaws.com/${var.registry_name}"

  trail_arn = "arn:aws:cloudtrail:${var.region}:${data.aws_caller_identity.current.account_id}:trail/${local.name}"
}

module "network" {
  source = "../../modules/network"

  name         = local.name
  region       = var.region
  cidr         = var.network.cidr
  zones        = var.network.zones
  nat_per_zone = var.network.nat_per_zone
}

# Access logs of load balancer, CloudFront and buckets, whose writers can use S3's own key only, and the trail.
module "logs" {
  source = "../../modules/bucket"

  name              = "${local.name}-logs"
  old_versions_days = 30
  expire_days       = var.log_days

  policy_statements = [
    {
      # It tells no account; the path does.
      Sid       = "LoadBalancer"
      Effect    = "Allow"
      Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
      Action    = "s3:PutObject"
      Paths     = ["/alb/AWSLogs/${data.aws_caller_identity.current.account_id}/*"]
    },
    {
      Sid       = "Buckets"
      Effect    = "Allow"
      Principal = { Service = "logging.s3.amazonaws.com" }
      Action    = "s3:PutObject"
      Paths     = ["/s3/*"]
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    },
    {
      Sid       = "CloudFront"
      Effect    = "Allow"
      Principal = { Service = "delivery.logs.amazonaws.com" }
      Action    = "s3:PutObject"
      Paths     = ["/cloudfront/*"]
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    },
    {
      Sid       = "Trail"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:PutObject"
      Paths     = ["/cloudtrail/AWSLogs/${data.aws_caller_identity.current.account_id}/*"]
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    },
    {
      Sid       = "TrailAsks"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:GetBucketAcl"
      Paths     = [""]
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    },
  ]
}

module "database" {
  source = "../../modules/database"

  name           = local.name
  replica_region = var.replica_region
  locked_days    = var.backup.locked_days
  lock_mode      = var.backup.lock_mode
  log_bucket     = { id = module.logs.id }
}

module "secrets" {
  source = "../../modules/secrets"

  name           = local.name
  environment    = var.environment
  region         = var.region
  replica_region = var.replica_region
  secrets        = local.secrets
}

module "registry" {
  source = "../../modules/registry"

  name                  = var.registry_name
  repositories          = local.programs
  pusher_arns           = var.pipeline_role_arns
  replica_region        = var.replica_region
  own_registry_settings = var.own_registry_settings
}

module "cluster" {
  source = "../../modules/cluster"

  name                            = local.name
  region                          = var.region
  kubernetes_version              = var.cluster.kubernetes_version
  deletion_protection             = var.deletion_protection
  subnet_ids                      = module.network.private_subnet_ids
  node_security_group_id          = module.network.security_group_ids.nodes
  control_plane_security_group_id = module.network.security_group_ids.control_plane
  node_instance_types             = var.cluster.node_instance_types
  nodes_per_zone                  = var.cluster.nodes_per_zone
  administrator_arns              = var.administrator_arns
  volume_key_arns                 = [module.database.volume_key_arn]
  workloads                       = local.workloads
}

module "cache" {
  source = "../../modules/cache"
  count  = var.cache == null ? 0 : 1

  name                   = local.name
  region                 = var.region
  subnet_ids             = module.network.private_subnet_ids
  security_group_id      = module.network.security_group_ids.cache
  durable_node_type      = var.cache.durable_node_type
  cache_node_type        = var.cache.cache_node_type
  snapshot_days          = var.cache.snapshot_days
  passwords              = { durable = module.secrets.shared["redis"], cache = module.secrets.shared["redis-cache"] }
  notification_topic_arn = module.observability.mail_topic_arn
}

module "edge" {
  source = "../../modules/edge"

  name                = local.name
  region              = var.region
  zone_id             = var.zone_id
  hosts               = var.hosts
  peer_hosts          = var.peer_hosts
  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.private_subnet_ids
  security_group_id   = module.network.security_group_ids.load_balancer
  deletion_protection = var.deletion_protection
  log_bucket          = module.logs.id
  console_networks    = var.console_networks
}

module "backup" {
  source = "../../modules/backup"

  name           = local.name
  replica_region = var.replica_region
  locked_days    = var.backup.locked_days
  kept_days      = var.backup.kept_days
  lock_mode      = var.backup.lock_mode
  resource_arns  = [module.database.archive_arn]
}

module "observability" {
  source = "../../modules/observability"

  name                  = local.name
  region                = var.region
  last_resort_addresses = var.last_resort_addresses
  console_endpoint      = var.alarms_to_console ? "https://${var.hosts.hooks}/api/sns/messages" : null
  load_balancer_suffix  = module.edge.load_balancer_suffix
  target_group_suffix   = module.edge.target_group_suffix
  valkey_nodes          = var.cache == null ? {} : module.cache[0].node_ids
  nat_gateway_ids       = module.network.nat_gateway_ids
  archive_bucket        = module.database.archive_bucket
  archive_copy_bucket   = module.database.replica_bucket
  monthly_budget_usd    = var.monthly_budget_usd
  trail                 = var.own_trail
  log_bucket            = { id = module.logs.id }
}

module "flux" {
  source = "../../modules/flux"

  cluster_name          = module.cluster.name
  cluster_arn           = module.cluster.arn
  region                = var.region
  key_arn               = module.cluster.key_arn
  gitops_path           = "${path.root}/../../../gitops/clusters/${var.environment}"
  flux_version          = var.flux_version
  git_secret_id         = module.secrets.arns["github-token"]
  repository            = var.repository
  hosts                 = var.hosts
  alarm_topic_arn       = module.observability.alarm_topic_arn
  registry              = local.registry
  mail_from             = var.mail_from
  vpc_id                = module.network.vpc_id
  trusted_proxies       = module.network.private_cidrs
  edge_target_group_arn = module.edge.target_group_arn
  karpenter_node_role   = module.cluster.node_role
  karpenter_queue       = module.cluster.interruption_queue
  volume_key_arn        = module.database.volume_key_arn
  archive_bucket        = module.database.archive_bucket
  archive_copy_bucket   = local.peer_archive_copy
  telemetry_bucket      = module.observability.telemetry_bucket
  cache_endpoints       = var.cache == null ? null : module.cache[0].primary_endpoints
}
