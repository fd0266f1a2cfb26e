variable "cluster_name" {
  description = "Name of the cluster."
  type        = string
}

variable "cluster_arn" {
  description = "The cluster's ARN: another cluster is bootstrapped anew."
  type        = string
}

variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "key_arn" {
  description = "Key of the parameter with the facts."
  type        = string
}

variable "gitops_path" {
  description = "Folder of the cluster in a checkout of the repository, from where Terraform runs: `../../../gitops/clusters/staging`."
  type        = string

  validation {
    condition     = can(regex("gitops/clusters/[a-z-]+$", var.gitops_path))
    error_message = "gitops_path must be a folder of gitops/clusters/."
  }
}

variable "flux_version" {
  description = "Version of Flux that is installed."
  type        = string

  validation {
    condition     = can(regex("^v2\\.[0-9]+\\.[0-9]+$", var.flux_version))
    error_message = "flux_version must be a release of Flux 2: v2.7.0."
  }
}

variable "git_secret_id" {
  description = "Secret that holds the token with which Flux reads the repository and, in staging, writes its contents."
  type        = string
}

variable "repository" {
  description = "The repository on GitHub."
  type        = object({ owner = string, name = string })

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+$", var.repository.owner)) && can(regex("^[A-Za-z0-9._-]+$", var.repository.name))
    error_message = "repository must be an owner and a name of GitHub's."
  }
}

variable "hosts" {
  description = "Names under which shop, console and webhooks are reached."
  type        = object({ shop = string, console = string, hooks = string })
}

variable "registry" {
  description = "Prefix of the images' names."
  type        = string
}

variable "mail_from" {
  description = "Sender of mails."
  type        = string
}

variable "vpc_id" {
  description = "The network's id."
  type        = string
}

variable "trusted_proxies" {
  description = "Networks of the proxies before the storefront."
  type        = list(string)

  validation {
    condition     = length(var.trusted_proxies) > 0 && alltrue([for network in var.trusted_proxies : can(cidrhost(network, 0)) && !endswith(network, "/0")])
    error_message = "trusted_proxies must be networks, and not everybody's."
  }
}

variable "edge_target_group_arn" {
  description = "Target group that the gateway's pods join."
  type        = string
}

variable "karpenter_node_role" {
  description = "Role of the nodes that Karpenter starts."
  type        = string
}

variable "karpenter_queue" {
  description = "Queue that tells Karpenter of interruptions."
  type        = string
}

variable "volume_key_arn" {
  description = "Key of databases' volumes."
  type        = string
}

variable "alarm_topic_arn" {
  description = "Topic of AWS' alarms, which the console takes messages from."
  type        = string
}

variable "archive_bucket" {
  description = "Bucket of the database's archive."
  type        = string
}

variable "archive_copy_bucket" {
  description = "The copy, in this region, of the other region's archive: what whoever does not lead follows."
  type        = string
}

variable "telemetry_bucket" {
  description = "Bucket of Loki and Tempo."
  type        = string
}

variable "cache_endpoints" {
  description = "Addresses of Valkey, by store: `durable`, `cache`; null where Redis runs in the cluster."
  type        = map(string)
  default     = null

  validation {
    condition     = var.cache_endpoints == null || toset(keys(coalesce(var.cache_endpoints, {}))) == toset(["durable", "cache"])
    error_message = "cache_endpoints must have durable and cache, or be null."
  }
}
