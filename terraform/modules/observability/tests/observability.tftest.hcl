variables {
  name                  = "test"
  region                = "eu-central-1"
  console_endpoint      = "https://hooks.example.com/api/sns/messages"
  last_resort_addresses = ["on-call@example.com"]
  load_balancer_suffix  = "app/test/1"
  target_group_suffix   = "targetgroup/test/1"
  valkey_nodes          = { durable = ["test-durable-001", "test-durable-002"], cache = ["test-cache-001"] }
  nat_gateway_ids       = { eu-central-1a = "nat-a", eu-central-1b = "nat-b", eu-central-1c = "nat-c" }
  archive_bucket        = "test-postgres-archive"
  archive_copy_bucket   = "test-postgres-archive-replica"
  monthly_budget_usd    = 1000
  trail                 = true
  log_bucket            = { id = "test-logs" }
}

run "alarms_reach_the_console_and_people_when_it_is_down" {
  assert {
    condition     = aws_sns_topic_subscription.console[0].topic_arn == aws_sns_topic.alarms.arn && aws_sns_topic_subscription.console[0].protocol == "https" && length(aws_sns_topic_subscription.people) == 0
    error_message = "the console gets no alarms"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : contains(alarm.alarm_actions, aws_sns_topic.alarms.arn) && contains(alarm.ok_actions, aws_sns_topic.alarms.arn)])
    error_message = "an alarm, or its end, is told to nobody"
  }

  assert {
    condition     = alltrue([for name in ["alarms_undelivered", "edge_without_targets"] : contains(aws_cloudwatch_metric_alarm.this[name].alarm_actions, aws_sns_topic.last_resort.arn)]) && length(aws_sns_topic_subscription.last_resort) == 1
    error_message = "nobody hears of a console that is down"
  }

  assert {
    condition     = jsondecode(aws_sns_topic_subscription.console[0].redrive_policy).deadLetterTargetArn == aws_sqs_queue.undelivered.arn
    error_message = "an alarm that was not taken is lost"
  }

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == module.key.arn && aws_sns_topic.last_resort.kms_master_key_id == module.key.arn && aws_sqs_queue.undelivered.kms_master_key_id == module.key.arn
    error_message = "a topic or queue is not encrypted"
  }

  assert {
    condition     = alltrue([for name, arn in { alarms = aws_sns_topic.alarms.arn, last_resort = aws_sns_topic.last_resort.arn } : aws_sns_topic_policy.this[name].arn == arn && strcontains(aws_sns_topic_policy.this[name].policy, "aws:SecureTransport")])
    error_message = "a topic takes messages of anybody, or without TLS"
  }

  assert {
    condition     = aws_sns_topic_subscription.console[0].endpoint == "https://hooks.example.com/api/sns/messages" && aws_sns_topic_subscription.console[0].endpoint_auto_confirms && !aws_sns_topic_subscription.console[0].raw_message_delivery
    error_message = "messages go elsewhere than to the console, or without a signature"
  }

  assert {
    condition     = aws_sns_topic.alarms.signature_version == 2
    error_message = "messages are signed with SHA-1"
  }
}

run "without_an_endpoint_people_get_every_alarm_once" {
  variables {
    console_endpoint = null
  }

  assert {
    condition     = length(aws_sns_topic_subscription.console) == 0 && toset([for one in aws_sns_topic_subscription.people : one.endpoint]) == toset(["on-call@example.com"]) && alltrue([for one in aws_sns_topic_subscription.people : one.topic_arn == aws_sns_topic.alarms.arn && one.protocol == "email"])
    error_message = "alarms reach nobody"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : tolist(alarm.alarm_actions) == tolist([aws_sns_topic.alarms.arn])])
    error_message = "an alarm is told twice, or to nobody"
  }
}

run "there_is_an_alarm_for_what_prometheus_cannot_see" {
  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(concat(
      [
        "edge_errors", "edge_without_targets", "archive_copy_lags", "archive_copy_fails", "backup_failed", "alarms_undelivered",
        "way_out_eu-central-1a", "way_out_eu-central-1b", "way_out_eu-central-1c",
      ],
      [for group in ["durable_memory_1", "durable_memory_2", "durable_lag_1", "durable_lag_2", "cache_memory_1", "cache_lag_1"] : "valkey_${group}"],
    ))
    error_message = "an alarm was dropped or added"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["valkey_durable_lag_2"].dimensions == tomap({ CacheClusterId = "test-durable-002" })
    error_message = "an alarm of Valkey reads what ElastiCache does not publish"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["edge_without_targets"].treat_missing_data == "breaching"
    error_message = "no data counts as healthy"
  }

  assert {
    condition     = length(aws_cloudwatch_event_target.this) == 5 && alltrue([for target in aws_cloudwatch_event_target.this : target.arn == aws_sns_topic.last_resort.arn]) && aws_budgets_budget.this.notification != null && alltrue([for one in aws_budgets_budget.this.notification : contains(one.subscriber_sns_topic_arns, aws_sns_topic.last_resort.arn)])
    error_message = "what is no alarm is told to nobody: the console has no place for it"
  }
}

run "what_eventbridge_tells_arrives" {
  assert {
    condition     = alltrue([for policy in aws_sns_topic_policy.this : anytrue([for statement in jsondecode(policy.policy).Statement : statement.Principal == { Service = "events.amazonaws.com" } && !can(statement.Condition)])])
    error_message = "EventBridge cannot publish: it takes no conditions in a topic's policy"
  }

  assert {
    condition     = anytrue([for statement in jsondecode(aws_sqs_queue_policy.undelivered.policy).Statement : statement.Principal == { Service = "events.amazonaws.com" } && toset(flatten([statement.Condition.ArnEquals["aws:SourceArn"]])) == toset([for rule in aws_cloudwatch_event_rule.this : rule.arn])])
    error_message = "what EventBridge could not deliver is lost"
  }

  assert {
    condition     = aws_cloudtrail.this[0].kms_key_id == module.key.arn && aws_cloudtrail.this[0].s3_bucket_name == "test-logs" && aws_cloudtrail.this[0].enable_log_file_validation
    error_message = "there is no trail, so nobody hears of a key that is about to be deleted"
  }
}

run "without_valkey_and_with_a_trail_of_the_account_s_there_is_nothing_of_both" {
  command = plan

  variables {
    valkey_nodes = {}
    trail        = false
  }

  assert {
    condition     = length(aws_cloudtrail.this) == 0 && !anytrue([for name in keys(aws_cloudwatch_metric_alarm.this) : startswith(name, "valkey_")])
    error_message = "a second trail, or alarms of nodes that are not there"
  }
}

run "telemetry_is_encrypted" {
  assert {
    condition     = module.telemetry.key_arn == module.key.arn
    error_message = "telemetry is not encrypted with our key"
  }
}

run "alarms_go_over_tls" {
  command = plan

  variables {
    console_endpoint = "http://hooks.example.com/api/sns/messages"
  }

  expect_failures = [var.console_endpoint]
}

run "alarms_go_to_the_address_that_takes_them" {
  command = plan

  variables {
    console_endpoint = "https://hooks.example.com/alarms"
  }

  expect_failures = [var.console_endpoint]
}
