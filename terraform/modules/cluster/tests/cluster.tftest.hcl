variables {
  name                            = "test"
  region                          = "eu-central-1"
  kubernetes_version              = "1.34"
  subnet_ids                      = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b", eu-central-1c = "subnet-c" }
  node_security_group_id          = "sg-nodes"
  control_plane_security_group_id = "sg-control-plane"
  node_instance_types             = ["m7i.large"]
  nodes_per_zone                  = { min = 1, max = 3 }
  administrator_arns              = { platform = "arn:aws:iam::111122223333:role/platform" }
}

run "the_cluster_is_private_encrypted_and_protected" {
  assert {
    condition     = aws_eks_cluster.this.deletion_protection
    error_message = "deletion protection is off"
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "the Kubernetes API is on the Internet"
  }

  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].resources == toset(["secrets"]) && aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == module.key.arn
    error_message = "secrets are not encrypted with our key"
  }

  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5 && aws_cloudwatch_log_group.cluster.kms_key_id == module.key.arn
    error_message = "the control plane's logs are incomplete, or not encrypted"
  }

  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "whoever created the cluster administers it for ever"
  }
}

run "nodes_are_in_three_zones_and_scale" {
  assert {
    condition     = length(aws_eks_node_group.base) == 3 && alltrue([for group in aws_eks_node_group.base : length(group.subnet_ids) == 1])
    error_message = "a zone has no node group of its own"
  }

  assert {
    condition     = alltrue([for group in aws_eks_node_group.base : group.scaling_config[0].min_size == 1 && group.scaling_config[0].max_size == 3])
    error_message = "a group does not scale"
  }

  assert {
    condition     = alltrue([for disk in aws_launch_template.node.block_device_mappings : disk.ebs[0].encrypted == "true" && disk.ebs[0].kms_key_id == module.key.arn])
    error_message = "a node's disk is not encrypted with our key"
  }

  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required" && aws_launch_template.node.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "pods get at their node's identity"
  }

  assert {
    condition     = aws_launch_template.node.vpc_security_group_ids == toset(["sg-nodes"])
    error_message = "nodes have another security group"
  }
}

run "pods_have_identities_of_their_own" {
  variables {
    workloads = {
      archive = {
        namespace       = "shop"
        service_account = "postgres"
        policy          = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
      }
    }
  }

  assert {
    condition     = toset(keys(aws_eks_pod_identity_association.this)) == toset(["archive", "karpenter", "load_balancer"])
    error_message = "a workload's identity is gone, or one was added"
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.pod : jsondecode(role.assume_role_policy).Statement[0].Principal == { Service = "pods.eks.amazonaws.com" }])
    error_message = "somebody else than a pod can take a workload's role"
  }

  assert {
    condition     = aws_eks_addon.before_nodes["vpc-cni"].configuration_values == jsonencode({ enableNetworkPolicy = "true" })
    error_message = "NetworkPolicies are not enforced"
  }

  assert {
    condition     = toset(keys(aws_eks_addon.before_nodes)) == toset(["vpc-cni", "kube-proxy", "eks-pod-identity-agent"]) && toset(keys(aws_eks_addon.this)) == toset(["coredns", "aws-ebs-csi-driver"])
    error_message = "nodes wait for an add-on that waits for nodes"
  }

  assert {
    condition     = length(aws_cloudwatch_event_target.interruption) == 5 && aws_sqs_queue.interruptions.kms_master_key_id == module.key.arn
    error_message = "Karpenter is not told of all interruptions, or the queue is not encrypted"
  }

  assert {
    condition = alltrue(flatten([
      for name in ["karpenter", "load_balancer"] : [
        for statement in jsondecode(aws_iam_role_policy.pod[name].policy).Statement :
        statement.Resource != "*" || startswith(statement.Sid, "Read")
      ]
    ]))
    error_message = "a workload may change everything"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.pod["ebs_csi"].policy).Statement :
      statement.Action == "kms:CreateGrant" || try(statement.Condition, null) == null
    ])
    error_message = "volumes cannot be encrypted: a condition that only grants have stands on other actions"
  }
}

run "processors_are_those_that_images_are_built_for" {
  command = plan

  variables {
    node_instance_types = ["m7g.large"]
  }

  expect_failures = [var.node_instance_types]
}

run "two_zones_are_refused" {
  command = plan

  variables {
    subnet_ids = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b" }
  }

  expect_failures = [var.subnet_ids]
}
