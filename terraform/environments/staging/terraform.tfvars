environment    = "staging"
region         = "eu-central-1"
replica_region = "eu-west-1"

network = {
  cidr         = "10.20.0.0/16"
  zones        = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  nat_per_zone = false
}

cluster = {
  kubernetes_version  = "1.34"
  node_instance_types = ["m7i.large"]
  nodes_per_zone      = { min = 1, max = 3 }
}

# Redis runs in the cluster.
cache = null

# Staging is taken down now and then: its lock can be lifted by whoever may.
backup = {
  locked_days = 7
  kept_days   = 14
  lock_mode   = "GOVERNANCE"
}

deletion_protection = true
log_days            = 90

zone_id = "Z0000000000000000000"
hosts = {
  shop    = "shop.staging.example.com"
  console = "console.staging.example.com"
  hooks   = "hooks.staging.example.com"
}
console_networks      = ["192.0.2.0/24"]
mail_from             = "shop@staging.example.com"
alarms_to_console     = false
last_resort_addresses = ["on-call@example.com"]

administrator_arns    = { platform = "arn:aws:iam::111122223333:role/platform" }
pipeline_role_arns    = ["arn:aws:iam::111122223333:role/pipeline"]
registry_name         = "quarterdeck"
own_registry_settings = true
own_trail             = true

repository   = { owner = "example", name = "quarterdeck" }
flux_version = "v2.7.0"

monthly_budget_usd = 1500
