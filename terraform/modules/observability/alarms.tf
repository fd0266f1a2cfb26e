locals {
  # ElastiCache publishes by node, never by group. Any of them may lead.
  valkey_nodes = flatten([for store, ids in var.valkey_nodes : [for index, id in ids : { store = store, number = index + 1, id = id }]])

  # What is missing is as bad as what is wrong where `missing` is "breaching".
  alarms = merge(
    {
      edge_errors = {
        why        = "the load balancer has answered 5xx by itself: no gateway took the request"
        namespace  = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", statistic = "Sum"
        dimensions = { LoadBalancer = var.load_balancer_suffix }
        compare    = "GreaterThanThreshold", threshold = 20, period = 60, periods = 3, missing = "notBreaching"
      }
      edge_without_targets = {
        why        = "fewer than two gateways are healthy"
        namespace  = "AWS/ApplicationELB", metric = "HealthyHostCount", statistic = "Minimum"
        dimensions = { LoadBalancer = var.load_balancer_suffix, TargetGroup = var.target_group_suffix }
        compare    = "LessThanThreshold", threshold = 2, period = 60, periods = 3, missing = "breaching"
      }
      archive_copy_lags = {
        why        = "the archive's copy in the second region stays behind: a lost region would lose more than a quarter of an hour"
        namespace  = "AWS/S3", metric = "ReplicationLatency", statistic = "Maximum"
        dimensions = { SourceBucket = var.archive_bucket, DestinationBucket = var.archive_copy_bucket, RuleId = "second-region" }
        compare    = "GreaterThanThreshold", threshold = 900, period = 300, periods = 3, missing = "notBreaching"
      }
      archive_copy_fails = {
        why        = "objects of the archive could not be copied to the second region"
        namespace  = "AWS/S3", metric = "OperationsFailedReplication", statistic = "Sum"
        dimensions = { SourceBucket = var.archive_bucket, DestinationBucket = var.archive_copy_bucket, RuleId = "second-region" }
        compare    = "GreaterThanThreshold", threshold = 0, period = 300, periods = 1, missing = "notBreaching"
      }
      backup_failed = {
        why        = "a daily backup did not end"
        namespace  = "AWS/Backup", metric = "NumberOfBackupJobsFailed", statistic = "Sum"
        dimensions = {}
        compare    = "GreaterThanThreshold", threshold = 0, period = 3600, periods = 1, missing = "notBreaching"
      }
      alarms_undelivered = {
        why        = "the console does not take alarms"
        namespace  = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
        dimensions = { QueueName = aws_sqs_queue.undelivered.name }
        compare    = "GreaterThanThreshold", threshold = 0, period = 60, periods = 1, missing = "notBreaching"
      }
    },
    {
      for node in local.valkey_nodes : "valkey_${node.store}_memory_${node.number}" => {
        why        = "Valkey (${node.id}) is nearly full: what is durable is refused then, never evicted"
        namespace  = "AWS/ElastiCache", metric = "DatabaseMemoryUsageCountedForEvictPercentage", statistic = "Maximum"
        dimensions = { CacheClusterId = node.id }
        compare    = "GreaterThanThreshold", threshold = 80, period = 60, periods = 5, missing = "breaching"
      }
    },
    {
      for node in local.valkey_nodes : "valkey_${node.store}_lag_${node.number}" => {
        why        = "a replica of Valkey (${node.id}) stays behind: a failover would lose writes"
        namespace  = "AWS/ElastiCache", metric = "ReplicationLag", statistic = "Maximum"
        dimensions = { CacheClusterId = node.id }
        compare    = "GreaterThanThreshold", threshold = 5, period = 60, periods = 3, missing = "notBreaching"
      }
    },
    {
      for zone, id in var.nat_gateway_ids : "way_out_${zone}" => {
        why        = "the way out of zone ${zone} has no ports left: calls to payments and git fail"
        namespace  = "AWS/NATGateway", metric = "ErrorPortAllocation", statistic = "Sum"
        dimensions = { NatGatewayId = id }
        compare    = "GreaterThanThreshold", threshold = 0, period = 60, periods = 3, missing = "notBreaching"
      }
    },
  )

  # These say that the console, or the way to it, is down.
  past_the_console = toset(["alarms_undelivered", "edge_without_targets"])
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${replace(each.key, "_", "-")}"
  alarm_description   = each.value.why
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = each.value.dimensions
  comparison_operator = each.value.compare
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = contains(local.past_the_console, each.key) && var.console_endpoint != null ? [aws_sns_topic.alarms.arn, aws_sns_topic.last_resort.arn] : [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# What AWS says of itself, and of us, that is no metric. None of it has an end that would be told, so the console has no place
# for it: people get it by mail, wherever alarms go.
locals {
  events = {
    health        = { source = ["aws.health"], "detail-type" = ["AWS Health Event"] }
    backup        = { source = ["aws.backup"], "detail-type" = ["Backup Job State Change", "Copy Job State Change"], detail = { state = ["FAILED", "ABORTED", "EXPIRED"] } }
    image_weak    = { source = ["aws.inspector2"], "detail-type" = ["Inspector2 Finding"], detail = { severity = ["CRITICAL", "HIGH"], status = ["ACTIVE"] } }
    key_deletion  = { source = ["aws.kms"], "detail-type" = ["AWS API Call via CloudTrail"], detail = { eventName = ["ScheduleKeyDeletion", "DisableKey"] } }
    secret_rotate = { source = ["aws.secretsmanager"], "detail-type" = ["AWS Service Event via CloudTrail"], detail = { eventName = ["RotationFailed", "RotationAbandoned"] } }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.events

  name          = "${var.name}-alarm-${replace(each.key, "_", "-")}"
  description   = "An alarm: ${replace(each.key, "_", " ")}"
  event_pattern = jsonencode(each.value)
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.events

  rule = aws_cloudwatch_event_rule.this[each.key].name
  arn  = aws_sns_topic.last_resort.arn

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 20
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_budgets_budget" "this" {
  name         = var.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_unit   = "USD"
  limit_amount = tostring(var.monthly_budget_usd)

  # An environment is one in its region; a tag would count nothing until somebody has switched it on for bills.
  cost_filter {
    name   = "Region"
    values = [var.region]
  }

  notification {
    comparison_operator       = "GREATER_THAN"
    notification_type         = "FORECASTED"
    threshold                 = 110
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [aws_sns_topic.last_resort.arn]
  }
}
