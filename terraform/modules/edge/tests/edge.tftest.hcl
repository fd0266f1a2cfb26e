variables {
  name              = "test"
  region            = "eu-central-1"
  zone_id           = "Z1"
  hosts             = { shop = "shop.example.com", console = "console.example.com", hooks = "hooks.example.com" }
  vpc_id            = "vpc-1"
  subnet_ids        = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b", eu-central-1c = "subnet-c" }
  security_group_id = "sg-load-balancer"
  log_bucket        = "test-logs"
  console_networks  = ["192.0.2.0/24"]
}

override_resource {
  target = aws_acm_certificate.edge
  values = {
    domain_validation_options = [
      { domain_name = "shop.example.com", resource_record_name = "_1.shop.example.com", resource_record_type = "CNAME", resource_record_value = "_1.acm.example" },
      { domain_name = "console.example.com", resource_record_name = "_2.console.example.com", resource_record_type = "CNAME", resource_record_value = "_2.acm.example" },
      { domain_name = "hooks.example.com", resource_record_name = "_3.hooks.example.com", resource_record_type = "CNAME", resource_record_value = "_3.acm.example" },
    ]
  }
}

run "pages_are_kept_as_the_local_edge_keeps_them" {
  assert {
    condition     = aws_cloudfront_cache_policy.pages.default_ttl == 0 && aws_cloudfront_cache_policy.assets.default_ttl == 0 && aws_cloudfront_cache_policy.none.max_ttl == 0
    error_message = "something is kept without the storefront's word"
  }

  assert {
    condition     = aws_cloudfront_cache_policy.pages.parameters_in_cache_key_and_forwarded_to_origin[0].headers_config[0].headers[0].items == toset(["host", "x-quarterdeck-reader"])
    error_message = "a page that was made for somebody is given to others"
  }

  assert {
    condition     = alltrue([for policy in [aws_cloudfront_cache_policy.pages, aws_cloudfront_cache_policy.assets] : policy.parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config[0].query_string_behavior == "all"])
    error_message = "pages of different questions are taken for one"
  }

  assert {
    condition     = [for behavior in aws_cloudfront_distribution.shop.ordered_cache_behavior : behavior.path_pattern] == ["/assets/*", "/pictures/*", "/rum"]
    error_message = "the behaviours are not those of the local edge"
  }

  assert {
    condition     = alltrue([for behavior in concat(aws_cloudfront_distribution.shop.ordered_cache_behavior, aws_cloudfront_distribution.shop.default_cache_behavior) : one(behavior.function_association).event_type == "viewer-request"])
    error_message = "a path goes past the function: probes can be reached, or a client's headers are believed"
  }

  assert {
    condition     = alltrue([for answer in aws_cloudfront_distribution.shop.custom_error_response : answer.error_caching_min_ttl == 0]) && length(aws_cloudfront_distribution.shop.custom_error_response) == 11
    error_message = "errors are kept"
  }

  assert {
    condition     = one(one(aws_cloudfront_response_headers_policy.assets.remove_headers_config).items).header == "set-cookie" && alltrue([for behavior in aws_cloudfront_distribution.shop.ordered_cache_behavior : behavior.response_headers_policy_id == aws_cloudfront_response_headers_policy.assets.id if behavior.path_pattern != "/rum"])
    error_message = "a cookie that came with an asset is handed to everybody"
  }

  assert {
    condition     = aws_cloudfront_origin_request_policy.shop.headers_config[0].header_behavior == "allExcept" && aws_cloudfront_origin_request_policy.shop.headers_config[0].headers[0].items == toset(local.cleared_headers)
    error_message = "what our own processes tell each other is taken from outside"
  }
}

run "everything_is_tls_and_behind_the_firewall" {
  assert {
    condition     = alltrue([for distribution in values(local.distributions) : distribution.web_acl_id == aws_wafv2_web_acl.this.arn])
    error_message = "a distribution is not behind WAF"
  }

  assert {
    condition     = alltrue([for distribution in values(local.distributions) : distribution.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"])
    error_message = "old TLS is spoken"
  }

  assert {
    condition     = aws_cloudfront_vpc_origin.this.vpc_origin_endpoint_config[0].origin_protocol_policy == "https-only" && aws_lb_listener.this.protocol == "HTTPS"
    error_message = "CloudFront speaks to the load balancer without TLS"
  }

  assert {
    condition     = [for rule in jsondecode(aws_wafv2_web_acl.this.rule_json) : rule.Name] == ["console", "rate", "reputation", "inputs", "common"]
    error_message = "a rule of the firewall is gone"
  }

  assert {
    condition     = aws_wafv2_ip_set.engineers.addresses == toset(["192.0.2.0/24"]) && strcontains(aws_wafv2_web_acl.this.rule_json, aws_wafv2_ip_set.engineers.arn)
    error_message = "the console is open to everybody"
  }
}

run "the_load_balancer_is_private_in_three_zones_and_protected" {
  assert {
    condition     = aws_lb.this.internal && length(aws_lb.this.subnets) == 3
    error_message = "the load balancer is on the Internet, or not in three zones"
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection
    error_message = "deletion protection is off"
  }

  assert {
    condition     = aws_lb.this.security_groups == toset(["sg-load-balancer"]) && aws_lb.this.drop_invalid_header_fields && aws_lb.this.xff_header_processing_mode == "append"
    error_message = "the load balancer believes a client's headers, or has another security group"
  }

  assert {
    condition     = aws_lb.this.access_logs[0].enabled && length(aws_cloudwatch_log_delivery.this) == 3
    error_message = "requests are not logged"
  }

  assert {
    condition     = aws_lb_listener_rule.hosts.condition != null && aws_lb_listener.this.default_action[0].type == "fixed-response"
    error_message = "other names than ours are served"
  }

  assert {
    condition     = length(aws_route53_record.host) == 5 && length(aws_route53_record.proof) == 3
    error_message = "a name leads nowhere"
  }

  assert {
    condition     = !contains(keys(aws_route53_record.host), "console-AAAA") && !aws_cloudfront_distribution.door["console"].is_ipv6_enabled
    error_message = "browsers come to the console by IPv6, of which no network is let in"
  }

  assert {
    condition     = aws_cloudfront_distribution.shop.is_ipv6_enabled && aws_cloudfront_distribution.door["hooks"].is_ipv6_enabled
    error_message = "shop or webhooks are not reached by IPv6"
  }
}

run "either_region_can_take_the_other_s_names_over" {
  variables {
    peer_hosts = { shop = "shop.standby.example.com", console = "console.standby.example.com", hooks = "hooks.standby.example.com" }
  }

  assert {
    condition = alltrue([
      for certificate in [aws_acm_certificate.edge, aws_acm_certificate.origin] :
      toset(concat([certificate.domain_name], tolist(certificate.subject_alternative_names))) == toset(concat(values(var.hosts), values(var.peer_hosts)))
    ])
    error_message = "a name of the other region is on no certificate: CloudFront would not give it to this one"
  }

  assert {
    condition     = toset(keys(aws_route53_record.proof)) == toset(concat(values(var.hosts), values(var.peer_hosts)))
    error_message = "a name is not proven"
  }

  assert {
    condition     = alltrue([for distribution in values(local.distributions) : length(setintersection(distribution.aliases, values(var.peer_hosts))) == 0])
    error_message = "a name of the other region is asked for while it has it"
  }

  assert {
    condition     = alltrue([for record in aws_route53_record.host : record.allow_overwrite])
    error_message = "the other region's records stand in the way of names that were moved"
  }
}

run "names_that_change_sides_make_no_new_certificate" {
  command = plan

  variables {
    hosts      = { shop = "shop.standby.example.com", console = "console.standby.example.com", hooks = "hooks.standby.example.com" }
    peer_hosts = { shop = "shop.example.com", console = "console.example.com", hooks = "hooks.example.com" }
  }

  assert {
    condition     = aws_acm_certificate.edge.domain_name == "console.example.com" && aws_acm_certificate.origin.domain_name == "console.example.com"
    error_message = "a new certificate is asked for in the middle of an accident"
  }
}

run "ipv6_networks_are_refused" {
  command = plan

  variables {
    console_networks = ["2001:db8::/32"]
  }

  expect_failures = [var.console_networks]
}

run "the_console_is_not_everybody_s" {
  command = plan

  variables {
    console_networks = ["0.0.0.0/0"]
  }

  expect_failures = [var.console_networks]
}
