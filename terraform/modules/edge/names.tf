# Names and certificates: one for CloudFront, one for the load balancer, both renewed by AWS as long as the records stand.

locals {
  # The other region's as well, in an order that is the same in both: CloudFront gives a name only to a distribution whose
  # certificate has it, and names that change sides make no new certificate.
  certified_names = sort(distinct(concat(local.hosts, var.peer_hosts == null ? [] : values(var.peer_hosts))))

  # The console's networks are IPv4.
  records = [for pair in setproduct(["shop", "console", "hooks"], ["A", "AAAA"]) : { host = pair[0], type = pair[1] } if join("-", pair) != "console-AAAA"]
}

resource "aws_acm_certificate" "edge" {
  region                    = local.global_region
  domain_name               = local.certified_names[0]
  subject_alternative_names = slice(local.certified_names, 1, length(local.certified_names))
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "origin" {
  domain_name               = local.certified_names[0]
  subject_alternative_names = slice(local.certified_names, 1, length(local.certified_names))
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

# Both certificates are proven by the same records, which depend on account and name only. So the other region's state has them
# as well: whichever is taken down takes both regions' proofs away, and the next apply of the other one puts them back.
resource "aws_route53_record" "proof" {
  for_each = toset(local.certified_names)

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
  for_each = { for record in local.records : "${record.host}-${record.type}" => record }

  zone_id = var.zone_id
  name    = var.hosts[each.value.host]
  type    = each.value.type
  # A name that was the other region's has a record. No environment takes one from another by mistake: first its distribution
  # must have the name, and CloudFront gives that to one.
  allow_overwrite = true

  alias {
    name                   = local.distributions[each.value.host].domain_name
    zone_id                = local.distributions[each.value.host].hosted_zone_id
    evaluate_target_health = false
  }
}
