variable "name" {
  description = "Prefix of all names, one per environment: `quarterdeck-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name must be 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "Region of the network."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's name: eu-central-1."
  }
}

variable "cidr" {
  description = "The network's addresses, a /16: a zone's pods get a sixteenth of it."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "cidr must be an IPv4 network of 16 bits: 10.20.0.0/16."
  }
}

variable "zones" {
  description = "Three availability zones of the region."
  type        = list(string)

  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3
    error_message = "zones must be three different ones: Postgres keeps a quorum over them."
  }

  validation {
    condition     = alltrue([for zone in var.zones : startswith(zone, var.region)])
    error_message = "zones must lie in the region."
  }
}

variable "nat_per_zone" {
  description = "A way out for each zone; otherwise one for all, which is lost with its zone."
  type        = bool
}

variable "flow_log_days" {
  description = "Days that flow logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.flow_log_days)
    error_message = "flow_log_days must be one that CloudWatch takes: 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}
