//! The scraper over a cluster, with a store of its own.

use std::{sync::Arc, time::Duration};

use console_ingest::{
    metrics::IngestMetrics,
    scrape::{ScrapeConfig, ScrapeDeps, TargetStatus, Targets, run},
};
use console_sources::kubernetes::{KubernetesTargets, MonitorsConfig, WatchPace};
use console_tsdb::{Tsdb, TsdbConfig};
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::kubernetes::api_server::ApiServer;

pub struct Scraping {
    dir: tempfile::TempDir,
    pub targets: Targets,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// What fails is tried again at once.
fn pace() -> WatchPace {
    WatchPace {
        retry_min: Duration::from_millis(50),
        retry_max: Duration::from_millis(200),
        refused: Duration::from_millis(100),
        list_timeout: Duration::from_secs(2),
    }
}

impl Scraping {
    /// A scrape configuration; `KUBECONFIG` in it is the server's.
    pub fn start(server: &ApiServer, config: &str, monitors: Option<MonitorsConfig>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = configuration(server, config);
        let config = ScrapeConfig::parse(&dir.path().join("scrape.yml"), &config).unwrap();
        let store = Arc::new(Tsdb::open(TsdbConfig::new(dir.path().join("metrics"))).unwrap());
        let metrics = IngestMetrics::register(&Registry::new()).unwrap();
        let (targets, shutdown) = (Targets::default(), CancellationToken::new());
        let cluster = Arc::new(KubernetesTargets::new(monitors, pace()));
        let deps = ScrapeDeps { appender: store, metrics, targets: targets.clone(), cluster: Some(cluster) };
        let task = tokio::spawn(run(config, deps, shutdown.clone()));
        Self { dir, targets, shutdown, task }
    }

    /// Waits until the targets are as `good` says.
    pub async fn until(&self, good: impl Fn(&[TargetStatus]) -> bool) -> Vec<TargetStatus> {
        self.until_told(|targets| good(&targets.list())).await;
        self.targets.list()
    }

    /// Waits until targets and problems are as `good` says.
    pub async fn until_told(&self, good: impl Fn(&Targets) -> bool) {
        let mut changes = self.targets.changes();
        let wait = async {
            while !good(&self.targets) {
                changes.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
        assert!(waited.is_ok(), "{:#?}\n{:#?}", self.targets.list(), self.targets.problems());
    }

    /// All problems of a job, together.
    pub fn problems(&self, job: &str) -> String {
        self.targets.problems().get(job).map(|p| p.join("\n")).unwrap_or_default()
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.unwrap().unwrap();
        drop(self.dir);
    }
}

pub fn configuration(server: &ApiServer, config: &str) -> String {
    config.replace("KUBECONFIG", &server.kubeconfig().display().to_string())
}
