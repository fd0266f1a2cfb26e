# What Prometheus in the cluster cannot see: the cluster itself gone, AWS' own services, copies that stay behind. Alarms go to a
# topic, and from there to people by mail; to the console over HTTPS instead, where it takes them. What is no alarm, and alarms
# that say that the console is down, go to people by mail in any case.

data "aws_caller_identity" "current" {}

module "key" {
  source = "../key"

  name        = "${var.name}/observability"
  description = "Alarms and telemetry, ${var.name}"
  services    = ["sns.amazonaws.com", "sqs.amazonaws.com", "cloudwatch.amazonaws.com", "budgets.amazonaws.com", "elasticache.amazonaws.com", "cloudtrail.amazonaws.com"]

  event_targets = true
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = module.key.arn
  # SHA-256 signatures.
  signature_version = 2
}

locals {
  topics = { alarms = aws_sns_topic.alarms.arn, last_resort = aws_sns_topic.last_resort.arn }
}

resource "aws_sns_topic_policy" "this" {
  for_each = local.topics

  arn = each.value

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OwnAlarms"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "elasticache.amazonaws.com"] }
        Action    = "sns:Publish"
        Resource  = each.value
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
      {
        # EventBridge takes no conditions in a topic's policy.
        Sid       = "Events"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = each.value
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = each.value
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

# What could not be delivered waits here, and raises an alarm by mail.
resource "aws_sqs_queue" "undelivered" {
  name                      = "${var.name}-alarms-undelivered"
  message_retention_seconds = 1209600
  kms_master_key_id         = module.key.arn
}

resource "aws_sqs_queue_policy" "undelivered" {
  queue_url = aws_sqs_queue.undelivered.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Topic"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.undelivered.arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.alarms.arn } }
      },
      {
        Sid       = "Events"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.undelivered.arn
        Condition = { ArnEquals = { "aws:SourceArn" = [for rule in aws_cloudwatch_event_rule.this : rule.arn] } }
      },
    ]
  })
}

# Where the console does not take alarms.
resource "aws_sns_topic_subscription" "people" {
  for_each = var.console_endpoint == null ? var.last_resort_addresses : []

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sns_topic_subscription" "console" {
  count = var.console_endpoint == null ? 0 : 1

  topic_arn              = aws_sns_topic.alarms.arn
  protocol               = "https"
  endpoint               = var.console_endpoint
  endpoint_auto_confirms = true
  raw_message_delivery   = false
  redrive_policy         = jsonencode({ deadLetterTargetArn = aws_sqs_queue.undelivered.arn })

  delivery_policy = jsonencode({
    healthyRetryPolicy = { numRetries = 20, minDelayTarget = 5, maxDelayTarget = 120, backoffFunction = "exponential" }
  })

  depends_on = [aws_sqs_queue_policy.undelivered]
}

# The way past the console: for when it is what is down, and for what is no alarm.
resource "aws_sns_topic" "last_resort" {
  name              = "${var.name}-last-resort"
  kms_master_key_id = module.key.arn
  signature_version = 2
}

resource "aws_sns_topic_subscription" "last_resort" {
  for_each = var.last_resort_addresses

  topic_arn = aws_sns_topic.last_resort.arn
  protocol  = "email"
  endpoint  = each.value
}

# Chunks of Loki and Tempo.
module "telemetry" {
  source = "../bucket"

  name              = "${var.name}-telemetry"
  key_arn           = module.key.arn
  old_versions_days = 7
  expire_days       = var.telemetry_days
  log_bucket        = var.log_bucket
}

locals {
  telemetry_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = module.telemetry.arn
      },
      {
        Sid      = "Chunks"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${module.telemetry.arn}/*"
      },
      {
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = module.key.arn
      },
    ]
  })
}
