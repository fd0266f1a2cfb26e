variables {
  name              = "test"
  region            = "eu-central-1"
  subnet_ids        = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b", eu-central-1c = "subnet-c" }
  security_group_id = "sg-cache"
  durable_node_type = "cache.m7g.large"
  cache_node_type   = "cache.t4g.small"
  passwords         = { durable = "0123456789abcdef0123456789abcdef", cache = "0123456789abcdef0123456789abcdef" }
  snapshot_days     = 7
}

run "both_stores_live_in_three_zones_and_fail_over" {
  assert {
    condition     = alltrue([for group in aws_elasticache_replication_group.this : group.num_cache_clusters == 3 && length(distinct(group.preferred_cache_cluster_azs)) == 3])
    error_message = "a store has no node in one of the zones"
  }

  assert {
    condition     = alltrue([for group in aws_elasticache_replication_group.this : group.multi_az_enabled && group.automatic_failover_enabled])
    error_message = "a store does not fail over by itself"
  }

  assert {
    condition     = toset(keys(aws_elasticache_replication_group.this)) == toset(["durable", "cache"])
    error_message = "durable things and cache things are not apart"
  }
}

run "nodes_have_the_names_that_elasticache_gives_them" {
  assert {
    condition     = output.node_ids.durable == ["test-durable-001", "test-durable-002", "test-durable-003"] && toset(keys(output.node_ids)) == toset(["durable", "cache"])
    error_message = "alarms look for other nodes"
  }
}

run "both_stores_are_encrypted_and_ask_for_a_password" {
  assert {
    condition     = alltrue([for group in aws_elasticache_replication_group.this : tobool(group.at_rest_encryption_enabled) && group.kms_key_id == module.key.arn])
    error_message = "a store is not encrypted with our key"
  }

  assert {
    condition     = alltrue([for group in aws_elasticache_replication_group.this : group.transit_encryption_enabled && group.transit_encryption_mode == "required"])
    error_message = "a store answers without TLS"
  }

  assert {
    condition     = alltrue([for user in aws_elasticache_user.this : user.authentication_mode[0].type == "password" && strcontains(user.access_string, "-@admin -@dangerous")])
    error_message = "a store's user has no password, or administers the server"
  }

  assert {
    condition     = alltrue([for group in aws_elasticache_replication_group.this : group.security_group_ids == toset(["sg-cache"])])
    error_message = "a store has another security group"
  }
}

run "what_is_durable_is_never_evicted_and_has_backups" {
  assert {
    condition     = one(aws_elasticache_parameter_group.this["durable"].parameter).value == "noeviction"
    error_message = "carts and events can be evicted"
  }

  assert {
    condition     = aws_elasticache_replication_group.this["durable"].snapshot_retention_limit == 7 && aws_elasticache_replication_group.this["durable"].final_snapshot_identifier == "test-durable-final"
    error_message = "the durable store has no backups"
  }
}

run "a_store_without_snapshots_is_refused" {
  command = plan

  variables {
    snapshot_days = 0
  }

  expect_failures = [var.snapshot_days]
}

run "a_short_password_is_refused" {
  command = plan

  variables {
    passwords = { durable = "short", cache = "short" }
  }

  expect_failures = [var.passwords]
}

run "a_type_that_elasticache_does_not_have_is_refused" {
  command = plan

  variables {
    cache_node_type = "cache.m7i.large"
  }

  expect_failures = [var.cache_node_type]
}
