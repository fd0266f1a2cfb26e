variable "name" {
  description = "Prefix of the role's name."
  type        = string

  validation {
    condition     = length(var.name) <= 52
    error_message = "name must be at most 52 characters: the role's name has 64."
  }
}

variable "source_bucket" {
  description = "Bucket that is copied; it must keep versions."
  type        = string
}

variable "source_arn" {
  description = "ARN of the bucket that is copied."
  type        = string
}

variable "source_key_arn" {
  description = "Key of its objects."
  type        = string
}

variable "destination_arn" {
  description = "ARN of the bucket that is copied to; it must keep versions."
  type        = string
}

variable "destination_key_arn" {
  description = "Key of the copies."
  type        = string
}
