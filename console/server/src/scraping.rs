//! Scraping: what the configuration file, discovered targets and monitors say.

use std::sync::Arc;

use console_ingest::{
    metrics::IngestMetrics,
    scrape::{self, ScrapeConfig, ScrapeDeps, Targets},
};
use console_sources::kubernetes::{KubernetesTargets, WatchPace};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, monitors},
    runtime::StartError,
    stores::Stores,
};

/// What is to be scraped; nothing where neither a file nor monitors are named.
pub fn load(config: &Config) -> Result<Option<ScrapeConfig>, StartError> {
    match &config.scrape_config_file {
        Some(file) => ScrapeConfig::load(file).map(Some).map_err(|e| StartError::Scrape(e.to_string())),
        None => Ok(config.monitors.is_some().then(ScrapeConfig::default)),
    }
}

/// Begins to scrape; the second shows how it goes.
pub fn start(
    scraping: ScrapeConfig,
    config: &Config,
    stores: &Stores,
    metrics: IngestMetrics,
    stop: CancellationToken,
) -> (JoinHandle<()>, Targets) {
    let targets = Targets::default();
    let cluster = KubernetesTargets::new(monitors(config), WatchPace::default());
    let deps = ScrapeDeps {
        appender: stores.metrics.clone(),
        metrics,
        targets: targets.clone(),
        cluster: Some(Arc::new(cluster)),
    };
    (tokio::spawn(scrape::run(scraping, deps, stop)), targets)
}
