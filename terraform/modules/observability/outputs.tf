output "alarm_topic_arn" {
  description = "Topic whose messages the console gets: `sns.topics` of its configuration."
  value       = aws_sns_topic.alarms.arn
}

output "mail_topic_arn" {
  description = "Topic of what is no alarm: people get it by mail."
  value       = aws_sns_topic.last_resort.arn
}

output "telemetry_bucket" {
  description = "Bucket of Loki and Tempo."
  value       = module.telemetry.id
}

output "telemetry_policy" {
  description = "What Loki and Tempo may do."
  value       = local.telemetry_policy
}

output "alarms" {
  description = "Alarms with what each says."
  value       = { for name, alarm in local.alarms : name => alarm.why }
}
