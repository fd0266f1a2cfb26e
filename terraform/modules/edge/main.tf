# The edge: CloudFront with the behaviours of the local one (`xtask/src/platform/edge/nginx.rs`), WAF before it, and behind it a
# load balancer that has no address of the Internet's: CloudFront reaches it through a private origin.

locals {
  # Certificates, web ACLs and logs of CloudFront live in this region only.
  global_region = "us-east-1"
  hosts         = [var.hosts.shop, var.hosts.console, var.hosts.hooks]
  origin_id     = "gateway"

  # What nginx clears, as far as a function cannot: CloudFront hides `x-real-ip` from functions.
  cleared_headers = [
    "authorization", "baggage", "forwarded", "traceparent", "tracestate", "x-real-ip", "x-request-deadline-ms",
  ]
  read_methods = ["GET", "HEAD", "OPTIONS"]
  all_methods  = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]

  # Errors are answers: nginx keeps none of them, and CloudFront would for ten seconds.
  error_codes = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]
}

resource "aws_cloudfront_function" "shop" {
  name    = "${var.name}-shop"
  comment = "What nginx does locally"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = file("${path.module}/functions/shop.js")
}

# Assets and pictures: their names change with what they are. As long as the storefront's Cache-Control says, and not without it.
resource "aws_cloudfront_cache_policy" "assets" {
  name        = "${var.name}-assets"
  comment     = "Path, query and encoding"
  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

# Pages: as assets, by host as well, and each reader's own apart.
resource "aws_cloudfront_cache_policy" "pages" {
  name        = "${var.name}-pages"
  comment     = "Host, path, query, encoding and whose page it is"
  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 86400

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "whitelist"

      headers {
        items = ["host", "x-quarterdeck-reader"]
      }
    }

    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

resource "aws_cloudfront_cache_policy" "none" {
  name        = "${var.name}-none"
  comment     = "Nothing is kept"
  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 0

  parameters_in_cache_key_and_forwarded_to_origin {
    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

resource "aws_cloudfront_origin_request_policy" "shop" {
  name    = "${var.name}-shop"
  comment = "Everything but what our own processes tell each other"

  cookies_config {
    cookie_behavior = "all"
  }

  headers_config {
    header_behavior = "allExcept"

    headers {
      items = local.cleared_headers
    }
  }

  query_strings_config {
    query_string_behavior = "all"
  }
}

# Console and webhooks: tokens and signatures are theirs to check.
resource "aws_cloudfront_origin_request_policy" "doors" {
  name    = "${var.name}-doors"
  comment = "Everything"

  cookies_config {
    cookie_behavior = "all"
  }

  headers_config {
    header_behavior = "allViewer"
  }

  query_strings_config {
    query_string_behavior = "all"
  }
}

resource "aws_cloudfront_response_headers_policy" "this" {
  name    = var.name
  comment = "TLS from now on; everything else says whoever answers"

  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      preload                    = true
      override                   = true
    }
  }
}

# Whatever adds a cookie to what everybody gets (Flagger does while a canary runs): it goes no further. Pages say so themselves.
resource "aws_cloudfront_response_headers_policy" "assets" {
  name    = "${var.name}-assets"
  comment = "As everywhere, and no cookies"

  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      preload                    = true
      override                   = true
    }
  }

  remove_headers_config {
    items {
      header = "set-cookie"
    }
  }
}

resource "aws_cloudfront_vpc_origin" "this" {
  vpc_origin_endpoint_config {
    name                   = var.name
    arn                    = aws_lb.this.arn
    http_port              = 80
    https_port             = 443
    origin_protocol_policy = "https-only"

    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }
}
