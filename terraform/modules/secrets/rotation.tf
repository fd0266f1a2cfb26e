# What rotates: a function that makes a new random value and keeps the one before in reach (`AWSPREVIOUS`). External Secrets then
# renews what pods mount, and no program starts anew for it: only what running programs do not hold may rotate.

resource "aws_iam_role" "rotation" {
  name = "${var.name}-secret-rotation"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "rotation" {
  name = "rotate"
  role = aws_iam_role.rotation.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Rotate"
        Effect = "Allow"
        Action = [
          "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue",
          "secretsmanager:UpdateSecretVersionStage",
        ]
        Resource  = "arn:aws:secretsmanager:${var.region}:${data.aws_caller_identity.current.account_id}:secret:quarterdeck/${var.environment}/*"
        Condition = { StringEquals = { "secretsmanager:resource/AllowRotationLambdaArn" = aws_lambda_function.rotation.arn } }
      },
      {
        Sid      = "Random"
        Effect   = "Allow"
        Action   = "secretsmanager:GetRandomPassword"
        Resource = "*"
      },
      {
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = module.key.arn
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.rotation.arn}:*"
      },
      {
        Sid      = "DeadLetters"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = aws_sqs_queue.rotation_failed.arn
      },
      {
        Sid      = "Traces"
        Effect   = "Allow"
        Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        Resource = "*"
      },
    ]
  })
}

resource "aws_cloudwatch_log_group" "rotation" {
  name              = "/aws/lambda/${var.name}-secret-rotation"
  retention_in_days = 365
  kms_key_id        = module.key.arn
}

resource "aws_sqs_queue" "rotation_failed" {
  name                      = "${var.name}-secret-rotation-failed"
  message_retention_seconds = 1209600
  kms_master_key_id         = module.key.arn
}

resource "aws_lambda_function" "rotation" {
  function_name    = "${var.name}-secret-rotation"
  description      = "Makes a new random value of a secret"
  role             = aws_iam_role.rotation.arn
  runtime          = "python3.13"
  architectures    = ["arm64"]
  handler          = "rotate.handler"
  filename         = "${path.module}/rotation/rotate.zip"
  source_code_hash = filebase64sha256("${path.module}/rotation/rotate.zip")
  timeout          = 30
  memory_size      = 128
  kms_key_arn      = module.key.arn

  environment {
    variables = { LENGTH = "48" }
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.rotation_failed.arn
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.rotation.name
  }

  tracing_config {
    mode = "Active"
  }
}

resource "aws_lambda_permission" "rotation" {
  statement_id   = "SecretsManager"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.rotation.function_name
  principal      = "secretsmanager.amazonaws.com"
  source_account = data.aws_caller_identity.current.account_id
}
