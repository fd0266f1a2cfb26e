# What was asked of AWS' API in this region: without a trail EventBridge hears of no key that is about to be deleted and of no
# rotation that failed.
resource "aws_cloudtrail" "this" {
  count = var.trail ? 1 : 0

  name                       = var.name
  s3_bucket_name             = var.log_bucket.id
  s3_key_prefix              = "cloudtrail"
  is_multi_region_trail      = false
  enable_log_file_validation = true
  kms_key_id                 = module.key.arn
}
