# Before CloudFront: known attackers and known attacks are refused, one address has a bound, and the console opens to the networks
# that are named. Rules are given as the API takes them (`rule_json`).

resource "aws_wafv2_ip_set" "engineers" {
  region             = local.global_region
  name               = "${var.name}-engineers"
  description        = "Networks from which the console is reached"
  scope              = "CLOUDFRONT"
  ip_address_version = "IPV4"
  addresses          = var.console_networks
}

locals {
  visibility = { for name in ["console", "rate", "reputation", "inputs", "common"] : name => {
    SampledRequestsEnabled   = true
    CloudWatchMetricsEnabled = true
    MetricName               = "${var.name}-${name}"
  } }

  rules = [
    {
      Name     = "console"
      Priority = 0
      Action   = { Block = {} }
      Statement = {
        AndStatement = {
          Statements = [
            {
              ByteMatchStatement = {
                # The API takes bytes.
                SearchString         = base64encode(var.hosts.console)
                FieldToMatch         = { SingleHeader = { Name = "host" } }
                TextTransformations  = [{ Priority = 0, Type = "LOWERCASE" }]
                PositionalConstraint = "EXACTLY"
              }
            },
            { NotStatement = { Statement = { IPSetReferenceStatement = { ARN = aws_wafv2_ip_set.engineers.arn } } } },
          ]
        }
      }
      VisibilityConfig = local.visibility.console
    },
    {
      Name     = "rate"
      Priority = 1
      Action   = { Block = { CustomResponse = { ResponseCode = 429 } } }
      Statement = {
        RateBasedStatement = { Limit = var.requests_per_five_minutes, EvaluationWindowSec = 300, AggregateKeyType = "IP" }
      }
      VisibilityConfig = local.visibility.rate
    },
    {
      Name             = "reputation"
      Priority         = 2
      OverrideAction   = { None = {} }
      Statement        = { ManagedRuleGroupStatement = { VendorName = "AWS", Name = "AWSManagedRulesAmazonIpReputationList" } }
      VisibilityConfig = local.visibility.reputation
    },
    {
      Name             = "inputs"
      Priority         = 3
      OverrideAction   = { None = {} }
      Statement        = { ManagedRuleGroupStatement = { VendorName = "AWS", Name = "AWSManagedRulesKnownBadInputsRuleSet" } }
      VisibilityConfig = local.visibility.inputs
    },
    {
      Name           = "common"
      Priority       = 4
      OverrideAction = { None = {} }
      Statement = {
        ManagedRuleGroupStatement = {
          VendorName = "AWS"
          Name       = "AWSManagedRulesCommonRuleSet"
          # Its bounds are 8 KiB of a body, 2 KiB of a query and 10 KiB of cookies. Ours for bodies is the edge's, 256 KiB, and stands
          # in the function; queries of the console are longer, sealed cookies may be, and CloudFront bounds both.
          RuleActionOverrides = [
            for name in ["SizeRestrictions_BODY", "SizeRestrictions_QUERYSTRING", "SizeRestrictions_Cookie_HEADER"] :
            { Name = name, ActionToUse = { Count = {} } }
          ]
        }
      }
      VisibilityConfig = local.visibility.common
    },
  ]
}

resource "aws_wafv2_web_acl" "this" {
  region      = local.global_region
  name        = var.name
  description = "Before CloudFront"
  scope       = "CLOUDFRONT"
  rule_json   = jsonencode(local.rules)

  default_action {
    allow {}
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    sampled_requests_enabled   = true
    metric_name                = var.name
  }
}

module "waf_log_key" {
  source = "../key"

  name        = "${var.name}/waf-logs"
  description = "Logs of WAF, ${var.name}"
  region      = local.global_region
  log_regions = [local.global_region]
}

resource "aws_cloudwatch_log_group" "waf" {
  region            = local.global_region
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = 365
  kms_key_id        = module.waf_log_key.arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  region                  = local.global_region
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.waf.arn]

  # Sessions and tokens are nobody's to read.
  redacted_fields {
    single_header {
      name = "cookie"
    }
  }

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }
}
