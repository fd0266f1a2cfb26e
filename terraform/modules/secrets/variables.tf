variable "name" {
  description = "Prefix of all names but the secrets' own."
  type        = string
}

variable "environment" {
  description = "The environment, second part of the secrets' names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z-]{2,20}$", var.environment))
    error_message = "environment must be 3 to 21 lower-case letters and hyphens."
  }
}

variable "region" {
  description = "Region of the secrets."
  type        = string
}

variable "replica_region" {
  description = "The second region, which has the same secrets."
  type        = string
}

variable "secrets" {
  description = "Secrets by name. `made`: `random` here, or `given` by a person. `rotate_days`: a new value that often, for what no running program holds. `shared`: AWS must know it as well. `generation`: raise it for a new value."
  type = map(object({
    description = string
    made        = string
    rotate_days = optional(number)
    shared      = optional(bool, false)
    generation  = optional(number, 1)
  }))

  validation {
    condition     = alltrue([for secret in values(var.secrets) : contains(["random", "given"], secret.made)])
    error_message = "secrets: made must be random or given."
  }

  validation {
    condition     = alltrue([for secret in values(var.secrets) : secret.rotate_days == null || (secret.made == "random" && !secret.shared)])
    error_message = "secrets: only random ones that nobody else holds can rotate by themselves."
  }

  validation {
    condition     = alltrue([for secret in values(var.secrets) : try(secret.rotate_days <= 90 && secret.rotate_days >= 1, true)])
    error_message = "secrets: rotate_days must be from 1 to 90."
  }

  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[a-z0-9][a-z0-9/-]{1,80}$", name))])
    error_message = "secrets: names must be lower-case letters, digits, hyphens and slashes."
  }
}
