# One repository for each program's image. A tag never moves, and every image is scanned when it arrives and again whenever a new
# weakness is known.

module "key" {
  source = "../key"

  name        = "${var.name}/registry"
  description = "Images, ${var.name}"
}

resource "aws_ecr_repository" "this" {
  for_each = var.repositories

  name                 = "${var.name}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = false

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = module.key.arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

# What never got a tag goes after a week, and of releases the last are kept: a roll-back wants one of the last few.
resource "aws_ecr_lifecycle_policy" "this" {
  for_each = var.repositories

  repository = aws_ecr_repository.this[each.key].name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "images without a tag"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 7 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "all but the last releases"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.kept_images }
        action       = { type = "expire" }
      },
    ]
  })
}

locals {
  push = ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"]
}

resource "aws_ecr_repository_policy" "this" {
  for_each = var.repositories

  repository = aws_ecr_repository.this[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Images come from the pipeline only.
        Sid       = "NobodyElsePushes"
        Effect    = "Deny"
        Principal = "*"
        Action    = concat(local.push, ["ecr:BatchDeleteImage"])
        Condition = { ArnNotLike = { "aws:PrincipalArn" = tolist(var.pusher_arns) } }
      },
      {
        # All that its role needs but `ecr:GetAuthorizationToken`, which no repository can give.
        Sid       = "PipelinePushes"
        Effect    = "Allow"
        Principal = { AWS = tolist(var.pusher_arns) }
        Action    = concat(local.push, ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"])
      },
    ]
  })
}

# Of the whole registry of the account and region: one environment's configuration has it.
resource "aws_ecr_registry_scanning_configuration" "this" {
  count = var.own_registry_settings ? 1 : 0

  scan_type = "ENHANCED"

  rule {
    scan_frequency = "CONTINUOUS_SCAN"

    repository_filter {
      filter      = "*"
      filter_type = "WILDCARD"
    }
  }
}

# The second region starts from images of its own.
data "aws_caller_identity" "current" {}

resource "aws_ecr_replication_configuration" "this" {
  count = var.own_registry_settings ? 1 : 0

  replication_configuration {
    rule {
      destination {
        region      = var.replica_region
        registry_id = data.aws_caller_identity.current.account_id
      }

      repository_filter {
        filter      = "${var.name}/"
        filter_type = "PREFIX_MATCH"
      }
    }
  }
}
