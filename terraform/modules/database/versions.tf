# Buckets and keys are modules of their own, which name their provider.
terraform {
  required_version = ">= 1.11"
}
