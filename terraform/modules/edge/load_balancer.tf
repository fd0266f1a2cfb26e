# Between CloudFront and the gateway's pods, in every zone. It appends the address that connects to X-Forwarded-For, as CloudFront
# did before: the storefront trusts both by the private subnets (`trusted_proxies`), and so finds the shopper's own.

resource "aws_lb" "this" {
  name                             = var.name
  load_balancer_type               = "application"
  internal                         = true
  subnets                          = values(var.subnet_ids)
  security_groups                  = [var.security_group_id]
  enable_deletion_protection       = var.deletion_protection
  enable_cross_zone_load_balancing = true
  enable_zonal_shift               = true
  drop_invalid_header_fields       = true
  desync_mitigation_mode           = "strictest"
  preserve_host_header             = true
  xff_header_processing_mode       = "append"
  idle_timeout                     = 75

  access_logs {
    bucket  = var.log_bucket
    prefix  = "alb"
    enabled = true
  }
}

# The gateway's pods join by a TargetGroupBinding.
resource "aws_lb_target_group" "this" {
  # At most 32 characters.
  name                          = "${trimsuffix(substr(var.name, 0, 24), "-")}-gateway"
  target_type                   = "ip"
  vpc_id                        = var.vpc_id
  port                          = 8080
  protocol                      = "HTTP"
  protocol_version              = "HTTP1"
  deregistration_delay          = "20"
  load_balancing_algorithm_type = "least_outstanding_requests"

  # Envoy's own readiness.
  health_check {
    port                = "19003"
    path                = "/ready"
    matcher             = "200"
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.origin.certificate_arn

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "not found"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_rule" "hosts" {
  listener_arn = aws_lb_listener.this.arn
  priority     = 10

  condition {
    host_header {
      values = local.hosts
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}
