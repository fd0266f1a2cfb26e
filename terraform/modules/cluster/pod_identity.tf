# Which service account acts as which role. The policy of a workload that belongs to another module stands there, and is given
# in `workloads`.

locals {
  own = {
    karpenter = {
      namespace       = "kube-system"
      service_account = "karpenter"
      policy = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid    = "Read"
            Effect = "Allow"
            Action = [
              "ec2:DescribeAvailabilityZones", "ec2:DescribeCapacityReservations", "ec2:DescribeImages", "ec2:DescribeInstances",
              "ec2:DescribeInstanceStatus", "ec2:DescribeInstanceTypeOfferings", "ec2:DescribeInstanceTypes",
              "ec2:DescribeLaunchTemplates", "ec2:DescribePlacementGroups", "ec2:DescribeSecurityGroups",
              "ec2:DescribeSpotPriceHistory", "ec2:DescribeSubnets", "iam:ListInstanceProfiles", "pricing:GetProducts",
            ]
            Resource = "*"
          },
          {
            Sid      = "Images"
            Effect   = "Allow"
            Action   = "ssm:GetParameter"
            Resource = "arn:aws:ssm:${var.region}::parameter/aws/service/*"
          },
          {
            Sid    = "Launch"
            Effect = "Allow"
            Action = ["ec2:RunInstances", "ec2:CreateFleet", "ec2:CreateLaunchTemplate"]
            Resource = [
              "arn:aws:ec2:${var.region}::image/*", "arn:aws:ec2:${var.region}::snapshot/*",
              "arn:aws:ec2:${var.region}:${data.aws_caller_identity.current.account_id}:*/*",
            ]
          },
          {
            Sid       = "TagAtLaunch"
            Effect    = "Allow"
            Action    = "ec2:CreateTags"
            Resource  = "arn:aws:ec2:${var.region}:${data.aws_caller_identity.current.account_id}:*/*"
            Condition = { StringEquals = { "ec2:CreateAction" = ["RunInstances", "CreateFleet", "CreateLaunchTemplate"] } }
          },
          {
            Sid       = "EndOwn"
            Effect    = "Allow"
            Action    = ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate", "ec2:CreateTags"]
            Resource  = "arn:aws:ec2:${var.region}:${data.aws_caller_identity.current.account_id}:*/*"
            Condition = { StringEquals = { "ec2:ResourceTag/kubernetes.io/cluster/${var.name}" = "owned" } }
          },
          {
            Sid       = "NodeRole"
            Effect    = "Allow"
            Action    = "iam:PassRole"
            Resource  = aws_iam_role.node.arn
            Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
          },
          {
            # It makes the profile of its node class itself.
            Sid    = "NodeProfile"
            Effect = "Allow"
            Action = [
              "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:GetInstanceProfile",
              "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile",
            ]
            Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:instance-profile/*"
          },
          {
            Sid      = "Cluster"
            Effect   = "Allow"
            Action   = "eks:DescribeCluster"
            Resource = aws_eks_cluster.this.arn
          },
          {
            Sid      = "Interruptions"
            Effect   = "Allow"
            Action   = ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
            Resource = aws_sqs_queue.interruptions.arn
          },
          {
            Sid      = "QueueKey"
            Effect   = "Allow"
            Action   = "kms:Decrypt"
            Resource = module.key.arn
          },
        ]
      })
    }

    ebs_csi = {
      namespace       = "kube-system"
      service_account = "ebs-csi-controller-sa"
      policy = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid      = "VolumesUnderOurKey"
            Effect   = "Allow"
            Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"]
            Resource = concat([module.key.arn], tolist(var.volume_key_arns))
          },
          {
            # Only this action says for whom a grant is: a condition on it would refuse the others.
            Sid       = "GrantsForVolumes"
            Effect    = "Allow"
            Action    = "kms:CreateGrant"
            Resource  = concat([module.key.arn], tolist(var.volume_key_arns))
            Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
          },
        ]
      })
    }

    # Binds pods to the target group of the edge's load balancer; it makes no load balancer.
    load_balancer = {
      namespace       = "kube-system"
      service_account = "aws-load-balancer-controller"
      policy = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid    = "Read"
            Effect = "Allow"
            Action = [
              "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
              "ec2:DescribeSubnets", "ec2:DescribeVpcs", "elasticloadbalancing:DescribeTargetGroups",
              "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeTags",
            ]
            Resource = "*"
          },
          {
            Sid      = "Targets"
            Effect   = "Allow"
            Action   = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
            Resource = "arn:aws:elasticloadbalancing:${var.region}:${data.aws_caller_identity.current.account_id}:targetgroup/${trimsuffix(substr(var.name, 0, 24), "-")}-gateway/*"
          },
        ]
      })
    }
  }

  pods = merge(local.own, var.workloads)
}

resource "aws_iam_role" "pod" {
  for_each = local.pods

  name = "${var.name}-${replace(each.key, "_", "-")}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "pod" {
  for_each = local.pods

  name   = "workload"
  role   = aws_iam_role.pod[each.key].id
  policy = each.value.policy
}

resource "aws_iam_role_policy_attachment" "ebs_csi" {
  role       = aws_iam_role.pod["ebs_csi"].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
}

resource "aws_eks_pod_identity_association" "this" {
  # The add-on of volumes makes its own.
  for_each = { for name, pod in local.pods : name => pod if name != "ebs_csi" }

  cluster_name    = aws_eks_cluster.this.name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = aws_iam_role.pod[each.key].arn
}
