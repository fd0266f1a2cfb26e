variable "name" {
  description = "Prefix of all names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,29}[a-z0-9]$", var.name))
    error_message = "name must be 4 to 32 lower-case letters, digits and hyphens: a load balancer's has no more."
  }
}

variable "region" {
  description = "Region of the load balancer, and of the origin shield."
  type        = string
}

variable "zone_id" {
  description = "Hosted zone of the hosts, at Route 53."
  type        = string
}

variable "hosts" {
  description = "Names under which shop, console and webhooks are reached."
  type        = object({ shop = string, console = string, hooks = string })

  validation {
    condition     = length(distinct(values(var.hosts))) == 3 && alltrue([for host in values(var.hosts) : can(regex("^[a-z0-9.-]+\\.[a-z]+$", host))])
    error_message = "hosts must be three different names, in lower case."
  }
}

variable "peer_hosts" {
  description = "The other region's names, which the certificates cover as well so that either region can take the other's over; null for none."
  type        = object({ shop = string, console = string, hooks = string })
  default     = null
}

variable "vpc_id" {
  description = "The network's id."
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
  description = "Security group of the load balancer, open to CloudFront only."
  type        = string
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
  default     = true
}

variable "log_bucket" {
  description = "Bucket of access logs."
  type        = string
}

variable "console_networks" {
  description = "IPv4 networks from which the console is reached; nobody else gets to its log-in."
  type        = set(string)

  validation {
    # An IPv6 network has no such mask.
    condition     = alltrue([for network in var.console_networks : can(cidrnetmask(network)) && !endswith(network, "/0")])
    error_message = "console_networks must be IPv4 networks, and not everybody's."
  }
}

variable "requests_per_five_minutes" {
  description = "What one address may ask in five minutes."
  type        = number
  default     = 6000

  validation {
    condition     = var.requests_per_five_minutes >= 100
    error_message = "requests_per_five_minutes must be at least 100."
  }
}

variable "price_class" {
  description = "Where CloudFront answers: `PriceClass_100` (Europe and North America) to `PriceClass_All`."
  type        = string
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class must be PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}
