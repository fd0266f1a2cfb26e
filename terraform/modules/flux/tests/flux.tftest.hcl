# Planned only: an apply would run `bootstrap.sh`.
variables {
  cluster_name          = "test"
  cluster_arn           = "arn:aws:eks:eu-central-1:111122223333:cluster/test"
  region                = "eu-central-1"
  key_arn               = "arn:aws:kms:eu-central-1:111122223333:key/1"
  gitops_path           = "../../../gitops/clusters/staging"
  flux_version          = "v2.7.0"
  git_secret_id         = "quarterdeck/staging/github-token"
  repository            = { owner = "example", name = "quarterdeck" }
  hosts                 = { shop = "shop.example.com", console = "console.example.com", hooks = "hooks.example.com" }
  registry              = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/test"
  mail_from             = "shop@example.com"
  vpc_id                = "vpc-1"
  trusted_proxies       = ["10.20.0.0/20", "10.20.16.0/20", "10.20.32.0/20"]
  edge_target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/test/1"
  karpenter_node_role   = "test-node"
  karpenter_queue       = "test-interruptions"
  volume_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/2"
  alarm_topic_arn       = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
  archive_bucket        = "test-postgres-archive"
  archive_copy_bucket   = "test-postgres-archive-replica"
  telemetry_bucket      = "test-telemetry"
  cache_endpoints       = { durable = "durable.example.com", cache = "cache.example.com" }
}

run "the_cluster_is_told_what_it_stands_on" {
  command = plan

  assert {
    condition     = jsondecode(local.manifest).metadata == { name = "cluster-facts", namespace = "flux-system" } && jsondecode(local.manifest).data == local.facts
    error_message = "the facts are not where Flux' Kustomizations read them"
  }

  assert {
    condition     = alltrue([for value in values(local.facts) : length(value) > 0])
    error_message = "a fact is empty"
  }

  assert {
    condition     = local.facts.trusted_proxies == "10.20.0.0/20,10.20.16.0/20,10.20.32.0/20"
    error_message = "storefronts trust other proxies than the load balancer's network"
  }

  assert {
    condition     = aws_ssm_parameter.facts.type == "SecureString" && aws_ssm_parameter.facts.key_id == var.key_arn
    error_message = "the parameter is not encrypted"
  }
}

run "without_valkey_nothing_is_told_of_it" {
  command = plan

  variables {
    cache_endpoints = null
  }

  assert {
    condition     = !can(local.facts.cache_endpoint) && !can(local.facts.cache_durable_endpoint) && length(local.facts) == length(local.all_facts) - 2
    error_message = "the cluster is told of a Valkey that is not there"
  }
}

run "everybody_is_no_proxy" {
  command = plan

  variables {
    trusted_proxies = ["0.0.0.0/0"]
  }

  expect_failures = [var.trusted_proxies]
}

run "the_folder_is_a_cluster_s" {
  command = plan

  variables {
    gitops_path = "../../../gitops/apps/base"
  }

  expect_failures = [var.gitops_path]
}
