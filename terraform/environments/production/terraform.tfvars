environment    = "production"
region         = "eu-central-1"
replica_region = "eu-west-1"
peer           = "production-standby"

network = {
  cidr         = "10.30.0.0/16"
  zones        = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  nat_per_zone = true
}

cluster = {
  kubernetes_version  = "1.34"
  node_instance_types = ["m7i.xlarge", "m7a.xlarge"]
  nodes_per_zone      = { min = 1, max = 6 }
}

# Redis runs in the cluster.
cache = null

backup = {
  locked_days = 35
  kept_days   = 90
  lock_mode   = "COMPLIANCE"
}

deletion_protection = true
log_days            = 365

zone_id = "Z0000000000000000001"
hosts = {
  shop    = "shop.example.com"
  console = "console.example.com"
  hooks   = "hooks.example.com"
}
peer_hosts = {
  shop    = "shop.standby.example.com"
  console = "console.standby.example.com"
  hooks   = "hooks.standby.example.com"
}
console_networks      = ["192.0.2.0/24"]
mail_from             = "shop@example.com"
alarms_to_console     = false
last_resort_addresses = ["on-call@example.com"]

administrator_arns    = { platform = "arn:aws:iam::444455556666:role/platform" }
pipeline_role_arns    = ["arn:aws:iam::444455556666:role/pipeline"]
registry_name         = "quarterdeck"
own_registry_settings = true
own_trail             = true

repository   = { owner = "example", name = "quarterdeck" }
flux_version = "v2.7.0"

monthly_budget_usd = 6000
