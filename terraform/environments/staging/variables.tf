variable "environment" {
  description = "Name of the environment, and of its folder in gitops/clusters."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z-]{2,19}$", var.environment)) && length("quarterdeck-${var.environment}") <= 31
    error_message = "environment must be 3 to 19 lower-case letters and hyphens."
  }
}

variable "region" {
  description = "Region of the environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's name: eu-central-1."
  }
}

variable "replica_region" {
  description = "The second region, which has copies of archive, backups, secrets and images."
  type        = string

  validation {
    condition     = var.replica_region != var.region && can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.replica_region))
    error_message = "replica_region must be another region than region."
  }
}

variable "peer" {
  description = "The environment in the other region that follows this one, or that this one follows; null for none."
  type        = string
  default     = null
}

variable "network" {
  description = "Addresses (a /16), zones, and whether each zone has a way out of its own."
  type        = object({ cidr = string, zones = list(string), nat_per_zone = bool })
}

variable "cluster" {
  description = "Version of Kubernetes, and the nodes that are always there."
  type = object({
    kubernetes_version  = string
    node_instance_types = list(string)
    nodes_per_zone      = object({ min = number, max = number })
  })
}

variable "cache" {
  description = "Types of Valkey's nodes, and days that snapshots are kept; null where Redis runs in the cluster (all of gitops/ but its variant `elasticache`)."
  type        = object({ durable_node_type = string, cache_node_type = string, snapshot_days = number })
  default     = null
}

variable "backup" {
  description = "Days that backups and archive are locked and kept, and whether anybody can lift the lock."
  type        = object({ locked_days = number, kept_days = number, lock_mode = string })
}

variable "deletion_protection" {
  description = "Whether cluster and load balancer refuse to be deleted."
  type        = bool
}

variable "log_days" {
  description = "Days that access logs are kept."
  type        = number

  validation {
    condition     = var.log_days >= 30
    error_message = "log_days must be at least 30."
  }
}

variable "zone_id" {
  description = "Hosted zone of the hosts, at Route 53."
  type        = string
}

variable "hosts" {
  description = "Names under which shop, console and webhooks are reached."
  type        = object({ shop = string, console = string, hooks = string })
}

variable "peer_hosts" {
  description = "The names of the environment in the other region, which this one's certificates cover as well: with them it can take them over. Null for none."
  type        = object({ shop = string, console = string, hooks = string })
  default     = null
}

variable "console_networks" {
  description = "IPv4 networks from which the console is reached."
  type        = set(string)
}

variable "mail_from" {
  description = "Sender of mails."
  type        = string
}

variable "alarms_to_console" {
  description = "Whether the console gets the alarms of AWS. It confirms the subscription while it is applied, so it must run by then."
  type        = bool
  default     = false
}

variable "last_resort_addresses" {
  description = "Mail addresses that get what is no alarm, and the alarms of AWS that the console does not take."
  type        = set(string)
}

variable "administrator_arns" {
  description = "Roles that administer the cluster, by a name of their own."
  type        = map(string)
}

variable "pipeline_role_arns" {
  description = "Roles of the pipeline, which alone push images."
  type        = set(string)
}

variable "registry_name" {
  description = "First part of the images' names."
  type        = string
}

variable "own_registry_settings" {
  description = "Whether this environment sets what the registry of its account and region has once."
  type        = bool
}

variable "own_trail" {
  description = "Whether this environment makes a trail of its region's management events; false where the account has one."
  type        = bool
}

variable "repository" {
  description = "The repository on GitHub."
  type        = object({ owner = string, name = string })
}

variable "flux_version" {
  description = "Version of Flux that is installed."
  type        = string
}

variable "monthly_budget_usd" {
  description = "What a month may cost in the region, USD."
  type        = number
}
