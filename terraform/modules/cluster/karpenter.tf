# What Karpenter, which `gitops/` installs, needs of AWS: a role, and a queue that tells it of nodes that AWS takes
# back. Its nodes have the role of the node groups, whose entry EKS makes, and so may join.

resource "aws_sqs_queue" "interruptions" {
  name                      = "${var.name}-interruptions"
  message_retention_seconds = 300
  kms_master_key_id         = module.key.arn
}

resource "aws_sqs_queue_policy" "interruptions" {
  queue_url = aws_sqs_queue.interruptions.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Events"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.interruptions.arn
        Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:events:${var.region}:${data.aws_caller_identity.current.account_id}:rule/${var.name}-*" } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.interruptions.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

locals {
  interruptions = {
    health     = { source = "aws.health", type = "AWS Health Event" }
    spot       = { source = "aws.ec2", type = "EC2 Spot Instance Interruption Warning" }
    rebalance  = { source = "aws.ec2", type = "EC2 Instance Rebalance Recommendation" }
    state      = { source = "aws.ec2", type = "EC2 Instance State-change Notification" }
    reschedule = { source = "aws.ec2", type = "Scheduled Change" }
  }
}

resource "aws_cloudwatch_event_rule" "interruption" {
  for_each = local.interruptions

  name          = "${var.name}-${each.key}"
  description   = "Tells Karpenter: ${each.value.type}"
  event_pattern = jsonencode({ source = [each.value.source], "detail-type" = [each.value.type] })
}

resource "aws_cloudwatch_event_target" "interruption" {
  for_each = local.interruptions

  rule = aws_cloudwatch_event_rule.interruption[each.key].name
  arn  = aws_sqs_queue.interruptions.arn
}
