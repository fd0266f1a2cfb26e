variables {
  name         = "test"
  region       = "eu-central-1"
  cidr         = "10.20.0.0/16"
  zones        = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  nat_per_zone = true
}

run "three_zones_each_with_its_own_way_out" {
  assert {
    condition     = length(distinct([for subnet in aws_subnet.private : subnet.availability_zone])) == 3
    error_message = "private subnets are not in three zones"
  }

  assert {
    condition     = length(distinct([for subnet in aws_subnet.public : subnet.availability_zone])) == 3
    error_message = "public subnets are not in three zones"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(distinct([for route in aws_route.private : route.nat_gateway_id])) == 3
    error_message = "a zone's way out lies in another zone"
  }

  assert {
    condition     = alltrue([for subnet in concat(values(aws_subnet.private), values(aws_subnet.public)) : !subnet.map_public_ip_on_launch])
    error_message = "something gets an address of the Internet's by itself"
  }

  assert {
    condition     = length(distinct(concat([for subnet in aws_subnet.private : subnet.cidr_block], [for subnet in aws_subnet.public : subnet.cidr_block]))) == 6
    error_message = "subnets share addresses"
  }
}

run "traffic_is_logged_and_the_log_is_encrypted" {
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL"
    error_message = "refused or accepted connections are not logged"
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow.kms_key_id == module.log_key.arn
    error_message = "the log is not encrypted with its key"
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow.retention_in_days == 365
    error_message = "the log ends sooner than a year"
  }
}

run "security_groups_open_what_is_named_and_nothing_else" {
  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.flow : rule.from_port if rule.security_group_id == aws_security_group.nodes.id]) == toset([8080, 19003, 10250, 6443, 9443])
    error_message = "nodes take other connections than the load balancer's and the control plane's, or not all of them"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.flow) == 10 && length(aws_vpc_security_group_egress_rule.flow) == 10
    error_message = "a connection between groups was added or dropped"
  }

  assert {
    condition = alltrue([
      for name, rule in aws_vpc_security_group_ingress_rule.flow :
      contains(values(local.groups), rule.referenced_security_group_id) && rule.from_port == rule.to_port
    ])
    error_message = "a rule lets in more than a group at one port"
  }

  assert {
    condition = alltrue([
      for rule in concat(values(aws_vpc_security_group_ingress_rule.flow), values(aws_vpc_security_group_ingress_rule.pods), [aws_vpc_security_group_ingress_rule.edge]) :
      !endswith(rule.cidr_ipv4, "/0") && !endswith(rule.cidr_ipv6, "/0")
    ])
    error_message = "a group is open to the Internet"
  }

  assert {
    condition = alltrue([
      aws_vpc_security_group_ingress_rule.flow["cache"].from_port == 6379,
      aws_vpc_security_group_ingress_rule.flow["cache"].security_group_id == aws_security_group.cache.id,
      aws_vpc_security_group_ingress_rule.flow["cache"].referenced_security_group_id == aws_security_group.nodes.id,
    ])
    error_message = "Valkey is open to somebody else than nodes"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.edge.prefix_list_id == data.aws_ec2_managed_prefix_list.cloudfront.id && aws_vpc_security_group_ingress_rule.edge.from_port == 443
    error_message = "the load balancer is open to somebody else than CloudFront"
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_egress_rule.outside : rule.from_port]) == toset([22, 443, 587])
    error_message = "pods reach other ports outside than those of git, chat, payments and mail"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.pods) == 25
    error_message = "a connection between pods was added or dropped"
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.flow : rule.referenced_security_group_id if rule.security_group_id == aws_security_group.control_plane.id]) == toset([aws_security_group.nodes.id, aws_security_group.operators.id])
    error_message = "the Kubernetes API takes somebody else than nodes and people's machines, or not both"
  }

  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "the default group is open"
  }
}

run "endpoints_serve_this_account_only" {
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 14 && alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled && length(endpoint.subnet_ids) == 3])
    error_message = "an endpoint is gone, or not in every zone"
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : jsondecode(endpoint.policy).Statement[0].Condition.StringEquals["aws:PrincipalAccount"] == data.aws_caller_identity.current.account_id])
    error_message = "an endpoint serves other accounts"
  }

  assert {
    condition     = !contains(keys(aws_vpc_endpoint.interface), "sns")
    error_message = "SNS is asked through an endpoint, which refuses what the console asks without credentials"
  }

  assert {
    condition     = length(aws_vpc_endpoint.s3.route_table_ids) == 3
    error_message = "a zone reaches S3 through the Internet"
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.s3.policy).Statement[0].Condition.StringEquals["aws:ResourceAccount"] == data.aws_caller_identity.current.account_id
    error_message = "the endpoint of S3 leads to other accounts' buckets"
  }

  assert {
    condition = toset([
      for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement : statement.Resource if statement.Action == "s3:GetObject"
    ]) == toset(["arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*", "arn:aws:s3:::prod-registry-k8s-io-*/*"])
    error_message = "nodes do not reach the layers of images, or reach other buckets"
  }
}

run "one_way_out_is_enough_where_it_is_said" {
  command = plan

  variables {
    nat_per_zone = false
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1
    error_message = "more than one way out"
  }
}

run "two_zones_are_refused" {
  command = plan

  variables {
    zones = ["eu-central-1a", "eu-central-1b"]
  }

  expect_failures = [var.zones]
}

run "zones_of_another_region_are_refused" {
  command = plan

  variables {
    zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  }

  expect_failures = [var.zones]
}
