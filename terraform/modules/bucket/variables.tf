variable "name" {
  description = "Name of the bucket, one in the whole world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "key_arn" {
  description = "Key that encrypts the objects; null for S3's own, which only logs that AWS writes may have."
  type        = string
  default     = null
}

variable "locked_days" {
  description = "Days for which no version can be deleted (object lock); 0 for none."
  type        = number
  default     = 0

  validation {
    condition     = var.locked_days >= 0 && var.locked_days <= 3650
    error_message = "locked_days must be from 0 to 3650."
  }
}

variable "lock_mode" {
  description = "`COMPLIANCE`: nobody can lift the lock. `GOVERNANCE`: whoever may bypass it."
  type        = string
  default     = "COMPLIANCE"

  validation {
    condition     = contains(["COMPLIANCE", "GOVERNANCE"], var.lock_mode)
    error_message = "lock_mode must be COMPLIANCE or GOVERNANCE."
  }
}

variable "old_versions_days" {
  description = "Days that replaced and deleted versions are kept."
  type        = number
  default     = 30

  validation {
    condition     = var.old_versions_days >= 7
    error_message = "old_versions_days must be at least 7: a mistake is noticed after days."
  }
}

variable "expire_days" {
  description = "Days after which an object ends; null for never."
  type        = number
  default     = null
}

variable "log_bucket" {
  description = "Bucket that gets the access log; null for none (an object, so that it may be unknown until it is made)."
  type        = object({ id = string })
  default     = null
}

variable "policy_statements" {
  description = "Statements for the bucket's policy, with `Paths` below the bucket (``, `/*`) instead of `Resource`."
  type        = any
  default     = []
}

variable "region" {
  description = "Region of the bucket; the provider's when null."
  type        = string
  default     = null
}
