# The whole environment with its own variables, made up by a provider that knows AWS' schema. Flux is left out: it would run its
# script; its module has tests of its own.

override_module {
  target = module.flux
}

override_resource {
  target = module.edge.aws_acm_certificate.edge
  values = {
    domain_validation_options = []
  }
}

run "it_stands_in_three_zones_and_two_regions" {
  assert {
    condition     = length(output.zones) == 3
    error_message = "a zone is missing"
  }

  assert {
    condition     = length(distinct(values(output.buckets))) == 4
    error_message = "a bucket, or its copy, is missing"
  }

  assert {
    condition     = var.deletion_protection && var.replica_region != var.region
    error_message = "it can be deleted by mistake, or has no second region"
  }

  assert {
    condition     = contains(keys(output.alarms), "archive_copy_lags")
    error_message = "nobody hears of a copy that stays behind"
  }

  assert {
    condition     = length(module.cache) == (var.cache == null ? 0 : 1)
    error_message = "Valkey is made although Redis runs in the cluster, or not at all"
  }

  assert {
    condition     = alltrue([for name in ["postgres", "console-postgres"] : contains([for workload in values(local.workloads) : workload.service_account], "${name}-restored")])
    error_message = "servers that are restored beside the others do not reach the archive"
  }
}

run "valkey_is_made_where_it_is_asked_for_and_its_nodes_raise_alarms" {
  command = plan

  variables {
    cache = { durable_node_type = "cache.m7g.large", cache_node_type = "cache.m7g.large", snapshot_days = 14 }
  }

  override_data {
    target = module.secrets.data.aws_secretsmanager_secret_version.shared
    values = { secret_string = "0123456789abcdef0123456789abcdef" }
  }

  assert {
    condition     = length(module.cache) == 1 && contains(keys(output.alarms), "valkey_durable_memory_3")
    error_message = "there is no Valkey, or nobody hears of it"
  }
}
