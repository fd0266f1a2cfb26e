//! All jobs of a configuration.

use std::sync::Arc;

use console_storage::metrics::SampleAppender;
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{ScrapeConfig, job, status::Targets, worker::Shared};
use crate::metrics::IngestMetrics;

/// Answers that are decompressed, parsed and stored at once.
const MAX_CONCURRENT_STORES: usize = 4;

/// Scrapes until `shutdown`; a scrape that is being stored is finished first. `targets` shows how it goes.
///
/// Must run in a tokio runtime. A target that is down is asked again at its next turn, for ever.
pub async fn run(
    config: ScrapeConfig,
    appender: Arc<dyn SampleAppender>,
    metrics: IngestMetrics,
    targets: Targets,
    shutdown: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONCURRENT_STORES));
    let shared = Shared { appender, metrics, targets, slots, shutdown };
    let mut jobs: JoinSet<()> =
        config.jobs.into_iter().map(|config| job::run(config, shared.clone())).collect();
    while let Some(ended) = jobs.join_next().await {
        if let Err(e) = ended {
            tracing::error!(cause = %e, "a scrape job ended in a panic");
        }
    }
}
