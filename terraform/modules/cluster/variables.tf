variable "name" {
  description = "Name of the cluster."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name must be 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes, which manifests and schemas in `gitops/` are checked against."
  type        = string

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version must be a minor version: 1.34."
  }
}

variable "deletion_protection" {
  description = "Whether the cluster refuses to be deleted."
  type        = bool
  default     = true
}

variable "subnet_ids" {
  description = "Private subnets by zone, three of them."
  type        = map(string)

  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "subnet_ids must have a subnet in each of three zones."
  }
}

variable "node_security_group_id" {
  description = "Security group of nodes."
  type        = string
}

variable "control_plane_security_group_id" {
  description = "Security group of the Kubernetes API."
  type        = string
}

variable "node_instance_types" {
  description = "Types of the nodes that are always there, of the processors that images are built for (x86-64)."
  type        = list(string)

  validation {
    condition     = length(var.node_instance_types) > 0 && alltrue([for type in var.node_instance_types : can(regex("^[a-z]+[0-9]+[^g.]*\\.", type))])
    error_message = "node_instance_types must be types with x86-64 processors: m7i.large."
  }
}

variable "nodes_per_zone" {
  description = "Least and most nodes in each zone's group."
  type        = object({ min = number, max = number })

  validation {
    condition     = var.nodes_per_zone.min >= 1 && var.nodes_per_zone.max >= var.nodes_per_zone.min
    error_message = "nodes_per_zone.min must be at least 1 and at most nodes_per_zone.max."
  }
}

variable "node_disk_gib" {
  description = "Disk of a node for images and logs, GiB."
  type        = number
  default     = 60

  validation {
    condition     = var.node_disk_gib >= 40
    error_message = "node_disk_gib must be at least 40."
  }
}

variable "addons" {
  description = "Add-ons of EKS with their versions; null for EKS' own choice."
  type        = map(string)
  default = {
    vpc-cni                = null
    coredns                = null
    kube-proxy             = null
    eks-pod-identity-agent = null
    aws-ebs-csi-driver     = null
  }

  validation {
    condition     = alltrue([for addon in ["vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent", "aws-ebs-csi-driver"] : contains(keys(var.addons), addon)])
    error_message = "addons must have vpc-cni, coredns, kube-proxy, eks-pod-identity-agent and aws-ebs-csi-driver."
  }
}

variable "administrator_arns" {
  description = "Roles that administer the cluster, by a name of their own."
  type        = map(string)

  validation {
    condition     = alltrue([for arn in values(var.administrator_arns) : can(regex("^arn:aws:iam::[0-9]{12}:role/", arn))])
    error_message = "administrator_arns must be ARNs of roles."
  }
}

variable "volume_key_arns" {
  description = "Further keys under which volumes are encrypted."
  type        = set(string)
  default     = []
}

variable "workloads" {
  description = "Service accounts that act on AWS, with the policies of the modules that own what they touch."
  type = map(object({
    namespace       = string
    service_account = string
    policy          = string
  }))
  default = {}
}
