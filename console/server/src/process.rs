//! What the Prometheus API tells of this process.

use std::{collections::BTreeMap, path::Path};

use console_ingest::scrape::ScrapeConfig;
use console_promql::parser::format_duration;
use console_query_api::prometheus::Process;

use crate::{config::Config, stores};

const HOSTNAME_FILE: &str = "/proc/sys/kernel/hostname";

/// `scraping` is absent where nothing is scraped.
pub fn describe(
    config: &Config,
    scraping: Option<&ScrapeConfig>,
    version: &str,
    started_at_ms: i64,
) -> Process {
    let retention = format_duration(stores::metrics_retention_ms(config.stores));
    let path = |path: &Path| path.display().to_string();
    let hostname = std::fs::read_to_string(HOSTNAME_FILE).unwrap_or_default().trim().to_owned();
    Process {
        version: version.to_owned(),
        started_at_ms,
        external_url: config.external_url.clone(),
        working_dir: std::env::current_dir().map(|d| path(&d)).unwrap_or_default(),
        hostname,
        flags: flags(config, &retention),
        retention,
        cors_origin: config.cors_origin.clone(),
        config_yaml: scraping.unwrap_or(&ScrapeConfig::default()).to_yaml(&config.rule_files),
    }
}

/// Settings that Prometheus has as flags, by its names.
fn flags(config: &Config, retention: &str) -> BTreeMap<String, String> {
    let limits = config.query.limits();
    let scrape_config = config.scrape_config_file.as_ref().map(|f| f.display().to_string());
    let duration = |d: std::time::Duration| format_duration(d.as_millis() as i64);
    [
        ("config.file", scrape_config.unwrap_or_default()),
        ("query.lookback-delta", duration(limits.lookback)),
        ("query.max-samples", limits.max_samples.to_string()),
        ("query.timeout", duration(limits.timeout)),
        ("storage.tsdb.path", config.data_dir.join("metrics").display().to_string()),
        ("storage.tsdb.retention.time", retention.to_owned()),
        ("web.cors.origin", config.cors_origin.clone().unwrap_or_default()),
        ("web.enable-remote-write-receiver", true.to_string()),
        ("web.external-url", config.external_url.clone()),
        ("web.listen-address", config.listen.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
