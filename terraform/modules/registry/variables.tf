variable "name" {
  description = "First part of the repositories' names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name must be 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "repositories" {
  description = "Programs, each with a repository."
  type        = set(string)

  validation {
    condition     = alltrue([for name in var.repositories : can(regex("^[a-z][a-z0-9-]{1,60}$", name))])
    error_message = "repositories must be lower-case letters, digits and hyphens."
  }
}

variable "kept_images" {
  description = "Images that a repository keeps. A signed release is two: the image, and its signature."
  type        = number
  default     = 100

  validation {
    condition     = var.kept_images >= 20
    error_message = "kept_images must be at least 20, so that a roll-back finds its image."
  }
}

variable "pusher_arns" {
  description = "Roles that may push images: the pipeline's."
  type        = set(string)

  validation {
    condition     = length(var.pusher_arns) > 0 && alltrue([for arn in var.pusher_arns : can(regex("^arn:aws:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "pusher_arns must be ARNs of roles, without wildcards."
  }
}

variable "replica_region" {
  description = "The second region, to which images are copied."
  type        = string
}

variable "own_registry_settings" {
  description = "Whether this environment sets what the account's registry has once: scanning and replication."
  type        = bool
}
