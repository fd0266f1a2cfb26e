//! What the engine is told at start.

use std::path::PathBuf;

use crate::{evidence::EvidenceConfig, rules::NameValidation, rules::restore::RestoreConfig};

/// Every limit has a safe default; see [`EngineConfig::new`].
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Paths of rule files; `*` and `?` in the file's name match several.
    pub rule_files: Vec<String>,
    /// Alertmanager's configuration.
    pub routing_file: PathBuf,
    /// Where people reach the console; links in messages begin with it.
    pub external_url: String,
    /// The engine keeps `alerting-state.json` here.
    pub data_dir: PathBuf,
    /// When given, this file's text is the incoming webhook of every Slack receiver, whatever the routing file says.
    pub slack_webhook_url_file: Option<PathBuf>,
    /// Of groups that do not name their interval.
    pub evaluation_interval_ms: i64,
    pub query_timeout_ms: u64,
    pub name_validation: NameValidation,
    pub restore: RestoreConfig,
    pub evidence: EvidenceConfig,
    /// For how long after a start an alert that fired before may stay away before it counts as resolved.
    pub restart_grace_ms: i64,
    /// Longest time that a notification waits for evidence that is being looked up.
    pub evidence_wait_ms: u64,
    pub max_groups: usize,
    /// Alerts of others that are held at once.
    pub max_external: usize,
    /// Groups being sent at the same time.
    pub max_concurrent_notifications: usize,
    pub http_timeout_ms: u64,
    /// First pause between attempts; doubles up to half a minute.
    pub retry_backoff_ms: u64,
    /// Notifications kept for the Alerts page.
    pub max_history: usize,
}

impl EngineConfig {
    pub fn new(
        rule_files: Vec<String>,
        routing_file: impl Into<PathBuf>,
        external_url: impl Into<String>,
        data_dir: impl Into<PathBuf>,
    ) -> Self {
        Self {
            rule_files,
            routing_file: routing_file.into(),
            external_url: external_url.into().trim_end_matches('/').to_owned(),
            data_dir: data_dir.into(),
            slack_webhook_url_file: None,
            evaluation_interval_ms: 15_000,
            query_timeout_ms: 10_000,
            name_validation: NameValidation::Utf8,
            // Prometheus' grace period is ten minutes and leaves shorter `for`s alone; here "since when" survives too.
            restore: RestoreConfig { outage_tolerance_ms: 3_600_000, grace_period_ms: 0 },
            evidence: EvidenceConfig::default(),
            restart_grace_ms: 30_000,
            evidence_wait_ms: 1000,
            max_groups: 10_000,
            max_external: 1000,
            max_concurrent_notifications: 32,
            http_timeout_ms: 10_000,
            retry_backoff_ms: 500,
            max_history: 200,
        }
    }
}
