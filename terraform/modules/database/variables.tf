variable "name" {
  description = "Prefix of all names."
  type        = string
}

variable "replica_region" {
  description = "The second region, where the archive's copy is."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.replica_region))
    error_message = "replica_region must be a region's name: eu-west-1."
  }
}

variable "locked_days" {
  description = "Days for which the archive cannot be deleted by anybody: as long as one wants to go back."
  type        = number

  validation {
    condition     = var.locked_days >= 7
    error_message = "locked_days must be at least 7: damage is often noticed after days."
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

variable "archive_days" {
  description = "Days that deleted versions of the archive are kept."
  type        = number
  default     = 35
}

variable "log_bucket" {
  description = "Bucket that gets the archive's access log; null for none (an object, so that it may be unknown until it is made)."
  type        = object({ id = string })
  default     = null
}
