# Programs with an image, and service accounts that act on AWS: names and namespaces are those of `gitops/`.

locals {
  programs = toset([
    "console", "shop-storefront", "shop-identity", "shop-catalog", "shop-inventory", "shop-orders", "shop-payments",
    "shop-notifications",
  ])

  # The other region's archive, as it is copied into this one; without another region, our own copy.
  peer_archive_copy = var.peer == null ? module.database.replica_bucket : "quarterdeck-${var.peer}-postgres-archive-replica"

  # Servers write their archive and read the copy of the other region's, whose key only grants what its own policy says.
  peer_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(jsondecode(module.database.archive_policy).Statement, [
      {
        Sid      = "PeerList"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = "arn:aws:s3:::${local.peer_archive_copy}"
      },
      {
        Sid      = "PeerRead"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:aws:s3:::${local.peer_archive_copy}/*"
      },
      {
        Sid       = "PeerKey"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = "arn:aws:kms:${var.region}:${data.aws_caller_identity.current.account_id}:key/*"
        Condition = { StringLike = { "kms:EncryptionContext:aws:s3:arn" = "arn:aws:s3:::${local.peer_archive_copy}*" } }
      },
    ])
  })

  workloads = {
    postgres         = { namespace = "data", service_account = "postgres", policy = local.peer_policy }
    console_postgres = { namespace = "data", service_account = "console-postgres", policy = local.peer_policy }
    # Of servers that are restored beside those: CloudNativePG calls the account after the cluster.
    postgres_restored         = { namespace = "data", service_account = "postgres-restored", policy = local.peer_policy }
    console_postgres_restored = { namespace = "data", service_account = "console-postgres-restored", policy = local.peer_policy }

    external_secrets = { namespace = "external-secrets", service_account = "external-secrets", policy = module.secrets.read_policy }
    loki             = { namespace = "observability", service_account = "loki", policy = module.observability.telemetry_policy }
    tempo            = { namespace = "observability", service_account = "tempo", policy = module.observability.telemetry_policy }
    image_reflector  = { namespace = "flux-system", service_account = "image-reflector-controller", policy = module.registry.pull_policy }
  }
}
