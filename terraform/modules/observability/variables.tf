variable "name" {
  description = "Prefix of all names."
  type        = string
}

variable "region" {
  description = "Region of the environment, whose costs are counted."
  type        = string
}

variable "console_endpoint" {
  description = "Where the console takes alarms: `https://hooks.example.com/api/sns/messages`. Null: nowhere, so that people get each by mail."
  type        = string
  default     = null

  validation {
    condition     = var.console_endpoint == null || can(regex("^https://[^/]+/api/sns/messages$", coalesce(var.console_endpoint, "-")))
    error_message = "console_endpoint must be https:// and the console's address for messages of SNS, /api/sns/messages."
  }
}

variable "last_resort_addresses" {
  description = "Mail addresses that are told of what is no alarm, of alarms that say that the console is down, and of all where it takes none."
  type        = set(string)

  validation {
    condition     = length(var.last_resort_addresses) > 0 && alltrue([for address in var.last_resort_addresses : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "last_resort_addresses must have an address, or nobody hears of what nobody takes."
  }
}

variable "load_balancer_suffix" {
  description = "The load balancer, as metrics name it: `app/NAME/ID`."
  type        = string
}

variable "target_group_suffix" {
  description = "Its target group, as metrics name it: `targetgroup/NAME/ID`."
  type        = string
}

variable "valkey_nodes" {
  description = "Ids of Valkey's nodes, by store; none where Redis runs in the cluster."
  type        = map(list(string))
  default     = {}
}

variable "nat_gateway_ids" {
  description = "Ways out, by zone."
  type        = map(string)
}

variable "archive_bucket" {
  description = "Bucket of the database's archive."
  type        = string
}

variable "archive_copy_bucket" {
  description = "Its copy in the second region."
  type        = string
}

variable "telemetry_days" {
  description = "Days that Loki and Tempo keep."
  type        = number
  default     = 31

  validation {
    condition     = var.telemetry_days >= 7
    error_message = "telemetry_days must be at least 7."
  }
}

variable "monthly_budget_usd" {
  description = "What a month may cost in the region, USD: more than a tenth above it in the forecast is told."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be above 0."
  }
}

variable "trail" {
  description = "Whether a trail of the region's management events is made; false where the account has one."
  type        = bool
}

variable "log_bucket" {
  description = "Bucket that gets the access log and the trail; null for none (an object, so that it may be unknown until it is made)."
  type        = object({ id = string })
  default     = null

  validation {
    condition     = !var.trail || var.log_bucket != null
    error_message = "log_bucket must be there for a trail."
  }
}
