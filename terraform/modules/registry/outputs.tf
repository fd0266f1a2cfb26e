output "repository_urls" {
  description = "Where images go and come from, by program."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "pull_policy" {
  description = "What Flux' image automation may do: read tags, and which images there are."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Token"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:ListImages"]
        Resource = [for repository in aws_ecr_repository.this : repository.arn]
      },
    ]
  })
}
