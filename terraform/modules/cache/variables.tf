variable "name" {
  description = "Prefix of all names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name must be 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "Region of the logs."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets by zone, three of them."
  type        = map(string)

  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "subnet_ids must have a subnet in each of three zones."
  }
}

variable "security_group_id" {
  description = "Security group of Valkey, open to nodes only."
  type        = string
}

variable "durable_node_type" {
  description = "Type of the nodes that hold carts, sessions and events."
  type        = string

  validation {
    condition     = can(regex("^cache\\.([mr][67]g|t4g|c7gn)\\.(micro|small|medium|large|[0-9]*xlarge)$", var.durable_node_type))
    error_message = "durable_node_type must be a type of ElastiCache with Graviton: cache.m7g.large."
  }
}

variable "cache_node_type" {
  description = "Type of the nodes that hold the product cache."
  type        = string

  validation {
    condition     = can(regex("^cache\\.([mr][67]g|t4g|c7gn)\\.(micro|small|medium|large|[0-9]*xlarge)$", var.cache_node_type))
    error_message = "cache_node_type must be a type of ElastiCache with Graviton: cache.t4g.small."
  }
}

variable "passwords" {
  description = "Passwords of the user `default`, by store (`durable`, `cache`): from Secrets Manager, which makes them."
  type        = map(string)
  sensitive   = true

  validation {
    condition     = toset(keys(var.passwords)) == toset(["durable", "cache"]) && alltrue([for password in values(var.passwords) : length(password) >= 32])
    error_message = "passwords must be for durable and cache, of 32 characters or more."
  }
}

variable "snapshot_days" {
  description = "Days that daily snapshots of the durable store are kept."
  type        = number

  validation {
    condition     = var.snapshot_days >= 1 && var.snapshot_days <= 35
    error_message = "snapshot_days must be what ElastiCache takes, and not 0: 1 to 35."
  }
}

variable "notification_topic_arn" {
  description = "Topic that is told of failovers; null for none."
  type        = string
  default     = null
}
