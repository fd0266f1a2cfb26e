variable "name" {
  description = "Name of the key's alias, without `alias/`."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-/]{1,60}$", var.name))
    error_message = "name must be lower-case letters, digits, hyphens and slashes, at most 61."
  }
}

variable "description" {
  description = "What the key encrypts."
  type        = string
}

variable "services" {
  description = "Services of AWS that use the key for this account's resources, as principals: `sns.amazonaws.com`."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for service in var.services : endswith(service, ".amazonaws.com")])
    error_message = "services must be principals that end in .amazonaws.com."
  }
}

variable "event_targets" {
  description = "Whether EventBridge sends to topics or queues that the key encrypts."
  type        = bool
  default     = false
}

variable "service_linked_roles" {
  description = "Service-linked roles that use the key, by path and name: `autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling`."
  type        = set(string)
  default     = []
}

variable "log_regions" {
  description = "Regions whose CloudWatch Logs use the key."
  type        = set(string)
  default     = []
}

variable "region" {
  description = "Region of the key; the provider's when null."
  type        = string
  default     = null
}
