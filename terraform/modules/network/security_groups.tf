# Who may open a connection to whom. Pods have their node's group, so what stands here is the outer bound; which pod may speak
# with which is the matter of the NetworkPolicies in `gitops/`.

locals {
  groups = {
    nodes         = aws_security_group.nodes.id
    load_balancer = aws_security_group.load_balancer.id
    control_plane = aws_security_group.control_plane.id
    endpoints     = aws_security_group.endpoints.id
    cache         = aws_security_group.cache.id
    operators     = aws_security_group.operators.id
  }

  # Connections between groups: each is a rule out of `from` and a rule into `to`.
  flows = {
    shop        = { from = "load_balancer", to = "nodes", port = 8080, why = "shoppers, hooks and engineers to the gateway" }
    shop_health = { from = "load_balancer", to = "nodes", port = 19003, why = "readiness of the gateway" }
    kubernetes  = { from = "nodes", to = "control_plane", port = 443, why = "kubelets and controllers to the Kubernetes API" }
    kubelet     = { from = "control_plane", to = "nodes", port = 10250, why = "logs of pods; metrics-server, admission webhooks that listen at the same port" }
    metrics_api = { from = "control_plane", to = "nodes", port = 6443, why = "aggregated APIs" }
    webhook     = { from = "control_plane", to = "nodes", port = 9443, why = "admission webhooks of operators" }
    aws         = { from = "nodes", to = "endpoints", port = 443, why = "pods to services of AWS" }
    cache       = { from = "nodes", to = "cache", port = 6379, why = "services to Valkey" }
    people      = { from = "operators", to = "control_plane", port = 443, why = "kubectl, flux and Terraform to the Kubernetes API" }
    people_aws  = { from = "operators", to = "endpoints", port = 443, why = "people's machines to services of AWS" }
  }

  # Connections between pods of different nodes.
  pod_flows = {
    services      = { from = 8080, to = 8081, protocol = "tcp", why = "services: API and internal listener" }
    console       = { from = 8090, to = 8091, protocol = "tcp", why = "console and its liveness" }
    otlp          = { from = 4317, to = 4318, protocol = "tcp", why = "OpenTelemetry" }
    postgres      = { from = 5432, to = 5432, protocol = "tcp", why = "Postgres, its poolers and replicas" }
    postgres_meta = { from = 8000, to = 8000, protocol = "tcp", why = "CloudNativePG's status of instances" }
    postgres_prom = { from = 9187, to = 9187, protocol = "tcp", why = "metrics of Postgres" }
    pooler_prom   = { from = 9127, to = 9127, protocol = "tcp", why = "metrics of Postgres' poolers" }
    redis         = { from = 6379, to = 6379, protocol = "tcp", why = "Redis of the overlays that run it in the cluster" }
    sentinel      = { from = 26379, to = 26379, protocol = "tcp", why = "Redis Sentinel" }
    elastic       = { from = 9200, to = 9300, protocol = "tcp", why = "Elasticsearch: API and its nodes" }
    kibana        = { from = 5601, to = 5601, protocol = "tcp", why = "Kibana, for the job that gives it its searches" }
    collectors    = { from = 8888, to = 8888, protocol = "tcp", why = "metrics of OpenTelemetry collectors" }
    prometheus    = { from = 9090, to = 9094, protocol = "tcp", why = "Prometheus, Alertmanager, controllers of Flux" }
    alertmanager  = { from = 9094, to = 9094, protocol = "udp", why = "Alertmanager's cluster" }
    node_metrics  = { from = 9100, to = 9100, protocol = "tcp", why = "metrics of nodes" }
    grafana       = { from = 3000, to = 3000, protocol = "tcp", why = "Grafana" }
    webhook       = { from = 9443, to = 9443, protocol = "tcp", why = "webhooks and metrics of operators" }
    kubelet       = { from = 10250, to = 10250, protocol = "tcp", why = "metrics of kubelets" }
    gateway       = { from = 18000, to = 18002, protocol = "tcp", why = "Envoy to its control plane" }
    loki          = { from = 3100, to = 3200, protocol = "tcp", why = "Loki and Tempo" }
    memcached     = { from = 11211, to = 11211, protocol = "tcp", why = "Tempo's cache" }
    members       = { from = 7946, to = 7946, protocol = "tcp", why = "Loki's and Tempo's own members" }
    loki_grpc     = { from = 9095, to = 9095, protocol = "tcp", why = "Loki's and Tempo's own members" }
    dns           = { from = 53, to = 53, protocol = "udp", why = "CoreDNS" }
    dns_tcp       = { from = 53, to = 53, protocol = "tcp", why = "CoreDNS" }
  }

  # What pods ask outside: nothing else leaves the network.
  outside = {
    https      = { port = 443, why = "git, chat, the payment provider" }
    submission = { port = 587, why = "mails" }
    ssh        = { port = 22, why = "git over SSH" }
  }
}

resource "aws_security_group" "nodes" {
  name        = "${var.name}-nodes"
  description = "Nodes of the cluster, and their pods"
  vpc_id      = aws_vpc.this.id

  tags = {
    Name                     = "${var.name}-nodes"
    "karpenter.sh/discovery" = var.name
  }
}

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-load-balancer"
  description = "The load balancer before the gateway"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-load-balancer" }
}

resource "aws_security_group" "control_plane" {
  name        = "${var.name}-control-plane"
  description = "The Kubernetes API"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-control-plane" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Endpoints of services of AWS"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_security_group" "cache" {
  name        = "${var.name}-cache"
  description = "Valkey"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-cache" }
}

# Whoever applies `module.flux` or runs kubectl does so from a machine in a private subnet that has this group: the Kubernetes API
# takes nobody else but nodes.
resource "aws_security_group" "operators" {
  name        = "${var.name}-operators"
  description = "Machines from which people administer the cluster"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-operators" }
}

resource "aws_vpc_security_group_egress_rule" "operators" {
  security_group_id = aws_security_group.operators.id
  description       = "git, releases of Flux, S3, Session Manager"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

data "aws_ec2_managed_prefix_list" "cloudfront" {
  name = "com.amazonaws.global.cloudfront.origin-facing"
}

resource "aws_vpc_security_group_ingress_rule" "edge" {
  security_group_id = aws_security_group.load_balancer.id
  description       = "CloudFront, from its own addresses only"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "flow" {
  for_each = local.flows

  security_group_id            = local.groups[each.value.to]
  referenced_security_group_id = local.groups[each.value.from]
  description                  = each.value.why
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "flow" {
  for_each = local.flows

  security_group_id            = local.groups[each.value.from]
  referenced_security_group_id = local.groups[each.value.to]
  description                  = each.value.why
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "pods" {
  for_each = local.pod_flows

  security_group_id            = aws_security_group.nodes.id
  referenced_security_group_id = aws_security_group.nodes.id
  description                  = each.value.why
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.from
  to_port                      = each.value.to
}

resource "aws_vpc_security_group_egress_rule" "pods" {
  for_each = local.pod_flows

  security_group_id            = aws_security_group.nodes.id
  referenced_security_group_id = aws_security_group.nodes.id
  description                  = each.value.why
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.from
  to_port                      = each.value.to
}

resource "aws_vpc_security_group_egress_rule" "outside" {
  for_each = local.outside

  security_group_id = aws_security_group.nodes.id
  description       = each.value.why
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.nodes.id
  description       = "archive, backups and layers of images through the endpoint of S3"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
