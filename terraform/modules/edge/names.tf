# Names and certificates: one for CloudFront, one for the load balancer, both renewed by AWS as long as the records stand.

resource "aws_acm_certificate" "edge" {
  region                    = local.global_region
  domain_name               = var.hosts.shop
  subject_alternative_names = [var.hosts.console, var.hosts.hooks]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "origin" {
  domain_name               = var.hosts.shop
  subject_alternative_names = [var.hosts.console, var.hosts.hooks]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

# Both certificates are proven by the same records, which depend on account and name only.
resource "aws_route53_record" "proof" {
  for_each = toset(local.hosts)

  zone_id         = var.zone_id
  name            = one([for option in aws_acm_certificate.edge.domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type            = one([for option in aws_acm_certificate.edge.domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records         = [one([for option in aws_acm_certificate.edge.domain_validation_options : option.resource_record_value if option.domain_name == each.key])]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "edge" {
  region                  = local.global_region
  certificate_arn         = aws_acm_certificate.edge.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_acm_certificate_validation" "origin" {
  certificate_arn         = aws_acm_certificate.origin.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_route53_record" "host" {
  for_each = { for pair in setproduct(["shop", "console", "hooks"], ["A", "AAAA"]) : "${pair[0]}-${pair[1]}" => { host = pair[0], type = pair[1] } }

  zone_id = var.zone_id
  name    = var.hosts[each.value.host]
  type    = each.value.type

  alias {
    name                   = local.distributions[each.value.host].domain_name
    zone_id                = local.distributions[each.value.host].hosted_zone_id
    evaluate_target_health = false
  }
}
