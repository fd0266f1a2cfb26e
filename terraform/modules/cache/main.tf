# Valkey as ElastiCache runs it: two of them, since durable things (carts, sessions, events) lie apart from what can be made
# anew (the product cache). Each has a node in every zone, fails over by itself, and speaks TLS with users of its own.

module "key" {
  source = "../key"

  name        = "${var.name}/cache"
  description = "Valkey, ${var.name}"
  services    = ["elasticache.amazonaws.com"]
  log_regions = [var.region]
}

resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = "Private subnets in three zones"
  subnet_ids  = values(var.subnet_ids)
}

locals {
  stores = {
    # Never evicted: a full store refuses, and the alert before that bound tells.
    durable = { node_type = var.durable_node_type, policy = "noeviction", snapshots = var.snapshot_days }
    cache   = { node_type = var.cache_node_type, policy = "allkeys-lfu", snapshots = 0 }
  }
}

resource "aws_elasticache_parameter_group" "this" {
  for_each = local.stores

  name        = "${var.name}-${each.key}"
  description = "Valkey for ${each.key} data"
  family      = "valkey8"

  parameter {
    name  = "maxmemory-policy"
    value = each.value.policy
  }
}

# The shop logs in as `default`, as it does to a Redis of its own. Everything that works with data is allowed; nothing that changes
# the server, and nothing that stops it.
resource "aws_elasticache_user" "this" {
  for_each = local.stores

  user_id       = "${var.name}-${each.key}"
  user_name     = "default"
  engine        = "valkey"
  access_string = "on ~* &* +@all -@admin -@dangerous +info"

  authentication_mode {
    type      = "password"
    passwords = [var.passwords[each.key]]
  }
}

resource "aws_elasticache_user_group" "this" {
  for_each = local.stores

  user_group_id = "${var.name}-${each.key}"
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.this[each.key].user_id]
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.stores

  name              = "/quarterdeck/${var.name}/valkey/${each.key}"
  retention_in_days = 365
  kms_key_id        = module.key.arn
}

resource "aws_elasticache_replication_group" "this" {
  for_each = local.stores

  replication_group_id        = "${var.name}-${each.key}"
  description                 = "Valkey of ${var.name}: ${each.key}"
  engine                      = "valkey"
  engine_version              = "8.0"
  node_type                   = each.value.node_type
  port                        = 6379
  parameter_group_name        = aws_elasticache_parameter_group.this[each.key].name
  subnet_group_name           = aws_elasticache_subnet_group.this.name
  security_group_ids          = [var.security_group_id]
  user_group_ids              = [aws_elasticache_user_group.this[each.key].user_group_id]
  num_cache_clusters          = length(var.subnet_ids)
  preferred_cache_cluster_azs = keys(var.subnet_ids)
  multi_az_enabled            = true
  automatic_failover_enabled  = true
  at_rest_encryption_enabled  = true
  kms_key_id                  = module.key.arn
  transit_encryption_enabled  = true
  transit_encryption_mode     = "required"
  auto_minor_version_upgrade  = true
  apply_immediately           = false
  maintenance_window          = "tue:03:00-tue:04:00"
  snapshot_window             = each.value.snapshots > 0 ? "01:00-02:00" : null
  snapshot_retention_limit    = each.value.snapshots
  final_snapshot_identifier   = each.value.snapshots > 0 ? "${var.name}-${each.key}-final" : null
  notification_topic_arn      = var.notification_topic_arn

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.this[each.key].name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "engine-log"
  }
}
