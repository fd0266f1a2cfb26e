resource "aws_cloudfront_distribution" "shop" {
  comment             = "Shop of ${var.name}"
  enabled             = true
  is_ipv6_enabled     = true
  http_version        = "http2and3"
  price_class         = var.price_class
  aliases             = [var.hosts.shop]
  web_acl_id          = aws_wafv2_web_acl.this.arn
  wait_for_deployment = false

  origin {
    origin_id           = local.origin_id
    domain_name         = aws_lb.this.dns_name
    connection_attempts = 2
    connection_timeout  = 1

    vpc_origin_config {
      vpc_origin_id            = aws_cloudfront_vpc_origin.this.id
      origin_read_timeout      = 15
      origin_keepalive_timeout = 60
    }

    # One request for a page that many want at the same time.
    origin_shield {
      enabled              = true
      origin_shield_region = var.region
    }
  }

  default_cache_behavior {
    target_origin_id           = local.origin_id
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = local.all_methods
    cached_methods             = local.read_methods
    compress                   = false
    cache_policy_id            = aws_cloudfront_cache_policy.pages.id
    origin_request_policy_id   = aws_cloudfront_origin_request_policy.shop.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.shop.arn
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = ["/assets/*", "/pictures/*"]

    content {
      path_pattern               = ordered_cache_behavior.value
      target_origin_id           = local.origin_id
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = local.read_methods
      cached_methods             = local.read_methods
      compress                   = false
      cache_policy_id            = aws_cloudfront_cache_policy.assets.id
      origin_request_policy_id   = aws_cloudfront_origin_request_policy.shop.id
      response_headers_policy_id = aws_cloudfront_response_headers_policy.assets.id

      function_association {
        event_type   = "viewer-request"
        function_arn = aws_cloudfront_function.shop.arn
      }
    }
  }

  # What browsers tell about page loads: never kept.
  ordered_cache_behavior {
    path_pattern               = "/rum"
    target_origin_id           = local.origin_id
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = local.all_methods
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
    cache_policy_id            = aws_cloudfront_cache_policy.none.id
    origin_request_policy_id   = aws_cloudfront_origin_request_policy.shop.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.shop.arn
    }
  }

  dynamic "custom_error_response" {
    for_each = local.error_codes

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.edge.certificate_arn
    minimum_protocol_version = "TLSv1.2_2021"
    ssl_support_method       = "sni-only"
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
      locations        = []
    }
  }
}

# The console, and the webhooks of payments and alarms: nothing of them is kept.
resource "aws_cloudfront_distribution" "door" {
  for_each = { console = var.hosts.console, hooks = var.hosts.hooks }

  comment = "${title(each.key)} of ${var.name}"
  enabled = true
  # The console's networks are IPv4: whoever came by IPv6 would be refused.
  is_ipv6_enabled     = each.key != "console"
  http_version        = "http2and3"
  price_class         = var.price_class
  aliases             = [each.value]
  web_acl_id          = aws_wafv2_web_acl.this.arn
  wait_for_deployment = false

  origin {
    origin_id           = local.origin_id
    domain_name         = aws_lb.this.dns_name
    connection_attempts = 2
    connection_timeout  = 1

    vpc_origin_config {
      vpc_origin_id            = aws_cloudfront_vpc_origin.this.id
      origin_read_timeout      = 60
      origin_keepalive_timeout = 60
    }
  }

  default_cache_behavior {
    target_origin_id           = local.origin_id
    viewer_protocol_policy     = "https-only"
    allowed_methods            = local.all_methods
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
    cache_policy_id            = aws_cloudfront_cache_policy.none.id
    origin_request_policy_id   = aws_cloudfront_origin_request_policy.doors.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
  }

  dynamic "custom_error_response" {
    for_each = local.error_codes

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.edge.certificate_arn
    minimum_protocol_version = "TLSv1.2_2021"
    ssl_support_method       = "sni-only"
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
      locations        = []
    }
  }
}

locals {
  distributions = merge(aws_cloudfront_distribution.door, { shop = aws_cloudfront_distribution.shop })
}

resource "aws_cloudwatch_log_delivery_source" "this" {
  for_each = local.distributions

  region       = local.global_region
  name         = "${var.name}-${each.key}"
  log_type     = "ACCESS_LOGS"
  resource_arn = each.value.arn
}

resource "aws_cloudwatch_log_delivery_destination" "this" {
  region        = local.global_region
  name          = "${var.name}-edge"
  output_format = "json"

  delivery_destination_configuration {
    destination_resource_arn = "arn:aws:s3:::${var.log_bucket}/cloudfront"
  }
}

resource "aws_cloudwatch_log_delivery" "this" {
  for_each = local.distributions

  region                   = local.global_region
  delivery_source_name     = aws_cloudwatch_log_delivery_source.this[each.key].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.this.arn
}
