//! All jobs: those of the configuration, and those that a cluster's objects declare while they do.

use std::{collections::HashMap, sync::Arc};

use console_storage::metrics::SampleAppender;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    ScrapeConfig,
    config::JobConfig,
    discovery::{ClusterDiscovery, ClusterJobs},
    job,
    status::Targets,
    worker::Shared,
};
use crate::metrics::IngestMetrics;

/// Answers that are decompressed, parsed and stored at once.
const MAX_CONCURRENT_STORES: usize = 4;

/// What scraping reads and writes.
pub struct ScrapeDeps {
    pub appender: Arc<dyn SampleAppender>,
    pub metrics: IngestMetrics,
    /// Shows how it goes.
    pub targets: Targets,
    /// Absent where no cluster can be asked.
    pub cluster: Option<Arc<dyn ClusterDiscovery>>,
}

/// A job that a cluster's object declares.
struct Declared {
    config: Arc<JobConfig>,
    removed: CancellationToken,
    task: JoinHandle<()>,
}

/// Scrapes until `shutdown`; a scrape that is being stored is finished first.
///
/// Must run in a tokio runtime. A target that is down is asked again at its next turn, for ever.
pub async fn run(config: ScrapeConfig, deps: ScrapeDeps, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(MAX_CONCURRENT_STORES));
    let declared = deps.cluster.as_ref().and_then(|cluster| cluster.jobs());
    let ScrapeDeps { appender, metrics, targets, cluster } = deps;
    let shared = Shared { appender, metrics, targets, slots, cluster, shutdown };
    let names: Vec<String> = config.jobs.iter().map(|job| job.name.clone()).collect();
    let start = |config| tokio::spawn(job::run(config, shared.clone(), CancellationToken::new()));
    let jobs: Vec<JoinHandle<()>> = config.jobs.into_iter().map(start).collect();
    if let Some(declared) = declared {
        follow(declared, &names, &shared).await;
    }
    for job in jobs {
        ended(job).await;
    }
}

/// Runs what is declared, as long as it is, until shutdown.
async fn follow(mut declared: watch::Receiver<ClusterJobs>, taken: &[String], shared: &Shared) {
    let mut running: HashMap<String, Declared> = HashMap::new();
    loop {
        let mut now = declared.borrow_and_update().clone();
        for job in now.jobs.extract_if(.., |job| taken.contains(&job.name)) {
            let message = "scrape_configs has a job of this name";
            now.problems.entry(job.name.clone()).or_default().push(message.to_owned());
        }
        shared.targets.set_refused(now.problems);
        reconcile(&mut running, now.jobs, shared).await;
        tokio::select! {
            () = shared.shutdown.cancelled() => break,
            changed = declared.changed() => if changed.is_err() { break },
        }
    }
    for (_, job) in running {
        ended(job.task).await;
    }
}

async fn reconcile(running: &mut HashMap<String, Declared>, wanted: Vec<Arc<JobConfig>>, shared: &Shared) {
    let stays = |job: &Declared| wanted.iter().any(|wanted| Arc::ptr_eq(wanted, &job.config));
    // The old ones end before the new ones begin, as their targets may be the same.
    let gone: Vec<Declared> = running.extract_if(|_, job| !stays(job)).map(|(_, job)| job).collect();
    for job in &gone {
        job.removed.cancel();
    }
    for job in gone {
        ended(job.task).await;
        shared.targets.forget(&job.config);
    }
    for config in wanted {
        running.entry(config.name.clone()).or_insert_with(|| {
            let removed = CancellationToken::new();
            let task = tokio::spawn(job::run(config.clone(), shared.clone(), removed.clone()));
            Declared { config, removed, task }
        });
    }
}

async fn ended(job: JoinHandle<()>) {
    if let Err(e) = job.await {
        tracing::error!(cause = %e, "a scrape job ended in a panic");
    }
}
