variable "name" {
  description = "Prefix of all names."
  type        = string
}

variable "replica_region" {
  description = "The second region, where copies are."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.replica_region))
    error_message = "replica_region must be a region's name: eu-west-1."
  }
}

variable "locked_days" {
  description = "Days for which no backup can be deleted."
  type        = number

  validation {
    condition     = var.locked_days >= 7
    error_message = "locked_days must be at least 7."
  }
}

variable "kept_days" {
  description = "Days that a backup is kept."
  type        = number

  validation {
    condition     = var.kept_days >= var.locked_days
    error_message = "kept_days must be at least locked_days: what is locked cannot be deleted."
  }
}

variable "lock_mode" {
  description = "`COMPLIANCE` in production; `GOVERNANCE` where the environment is taken down now and then."
  type        = string

  validation {
    condition     = contains(["COMPLIANCE", "GOVERNANCE"], var.lock_mode)
    error_message = "lock_mode must be COMPLIANCE or GOVERNANCE."
  }
}

variable "resource_arns" {
  description = "What AWS Backup takes besides tagged volumes: the database's archive."
  type        = set(string)

  validation {
    condition     = length(var.resource_arns) > 0
    error_message = "resource_arns must name at least one."
  }
}
