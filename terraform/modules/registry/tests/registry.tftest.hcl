variables {
  name                  = "test"
  repositories          = ["storefront", "console"]
  pusher_arns           = ["arn:aws:iam::111122223333:role/pipeline"]
  replica_region        = "eu-west-1"
  own_registry_settings = true
}

run "tags_do_not_move_and_images_are_scanned_and_encrypted" {
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "a tag can be moved to another image"
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_scanning_configuration[0].scan_on_push]) && aws_ecr_registry_scanning_configuration.this[0].scan_type == "ENHANCED"
    error_message = "images are not scanned"
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.encryption_configuration[0].kms_key == module.key.arn])
    error_message = "images are not encrypted with our key"
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : !repository.force_delete])
    error_message = "a repository with images can be deleted"
  }
}

run "only_the_pipeline_pushes" {
  assert {
    condition     = alltrue([for policy in aws_ecr_repository_policy.this : jsondecode(policy.policy).Statement[0].Effect == "Deny" && jsondecode(policy.policy).Statement[0].Condition.ArnNotLike["aws:PrincipalArn"] == ["arn:aws:iam::111122223333:role/pipeline"]])
    error_message = "somebody else than the pipeline may push"
  }

  assert {
    condition     = alltrue([for policy in aws_ecr_repository_policy.this : jsondecode(policy.policy).Statement[1].Principal.AWS == ["arn:aws:iam::111122223333:role/pipeline"] && contains(jsondecode(policy.policy).Statement[1].Action, "ecr:PutImage")])
    error_message = "the pipeline may not push"
  }
}

run "the_second_region_has_the_images" {
  assert {
    condition     = aws_ecr_replication_configuration.this[0].replication_configuration[0].rule[0].destination[0].region == "eu-west-1"
    error_message = "images are not copied to the second region"
  }
}

run "nobody_pushes_by_wildcard" {
  command = plan

  variables {
    pusher_arns = ["arn:aws:iam::111122223333:role/*"]
  }

  expect_failures = [var.pusher_arns]
}
