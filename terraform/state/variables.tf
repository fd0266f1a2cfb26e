variable "environment" {
  description = "Name of the environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z-]{2,19}$", var.environment))
    error_message = "environment must be 3 to 20 lower-case letters and hyphens."
  }

  # In another environment's state this would replace that one's bucket.
  validation {
    condition     = var.environment == terraform.workspace
    error_message = "environment must be the workspace's name: `terraform workspace select -or-create=true ENVIRONMENT`."
  }
}

variable "region" {
  description = "Region of the state."
  type        = string
}
