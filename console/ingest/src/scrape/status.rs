//! How each target is, for a page or an API.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use console_model::Labels;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::{
    config::JobConfig,
    target::{Target, TargetKey},
};

/// Targets of a job that were dropped and are kept to be shown.
const MAX_DROPPED: usize = 1000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetHealth {
    /// Not scraped yet.
    #[default]
    Unknown,
    Up,
    Down,
}

impl TargetHealth {
    /// As Prometheus' API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A target and its last scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetStatus {
    /// The entry of `scrape_configs`; the label `job` may be another.
    pub scrape_pool: String,
    pub job: String,
    pub instance: String,
    pub url: String,
    pub labels: Labels,
    /// Before `relabel_configs`.
    pub discovered_labels: Labels,
    pub interval: Duration,
    pub timeout: Duration,
    pub health: TargetHealth,
    /// Milliseconds since the Unix epoch.
    pub last_scrape_ms: Option<i64>,
    pub last_duration: Option<Duration>,
    /// Why it is down.
    pub last_error: Option<String>,
    /// What was refused of a good scrape.
    pub last_warning: Option<String>,
    /// Samples of the last scrape, before `metric_relabel_configs`.
    pub samples: u64,
}

/// All targets that are being scraped. Cheap to clone; made empty by the caller, filled by [`super::run`].
#[derive(Clone, Debug, Default)]
pub struct Targets(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By scrape pool and key.
    targets: RwLock<BTreeMap<(String, TargetKey), Arc<Mutex<TargetStatus>>>>,
    problems: RwLock<BTreeMap<String, Vec<String>>>,
    /// Of declarations that could not be honoured, by the name of the job that they would be. A job of the configuration may
    /// have the same name.
    refused: RwLock<BTreeMap<String, Vec<String>>>,
    /// What relabelling dropped, by scrape pool; each pool has an entry.
    dropped: RwLock<BTreeMap<String, Dropped>>,
    changes: watch::Sender<u64>,
}

/// Targets that `relabel_configs` dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    pub count: usize,
    /// The labels of the first ones, before `relabel_configs`.
    pub discovered: Vec<Labels>,
}

impl Targets {
    /// In order of scrape pool and labels.
    pub fn list(&self) -> Vec<TargetStatus> {
        self.0.targets.read().values().map(|t| t.lock().clone()).collect()
    }

    /// What is wrong with the discovery of targets, by scrape pool, and with declarations of jobs.
    pub fn problems(&self) -> BTreeMap<String, Vec<String>> {
        let mut all = self.0.problems.read().clone();
        for (name, refused) in self.0.refused.read().iter() {
            all.entry(name.clone()).or_default().extend(refused.iter().cloned());
        }
        all
    }

    /// What relabelling dropped, by scrape pool; every pool is there once its targets were looked for.
    pub fn dropped(&self) -> BTreeMap<String, Dropped> {
        self.0.dropped.read().clone()
    }

    /// Changes after each scrape, and whenever targets come or go.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    pub(super) fn add(&self, job: &JobConfig, target: &Target) -> Arc<Mutex<TargetStatus>> {
        let get = |name: &str| target.labels.get(name).unwrap_or_default().to_owned();
        let status = Arc::new(Mutex::new(TargetStatus {
            scrape_pool: job.name.clone(),
            job: get("job"),
            instance: get("instance"),
            url: target.url.to_string(),
            labels: target.labels.clone(),
            discovered_labels: target.discovered.clone(),
            interval: target.interval,
            timeout: target.timeout,
            health: TargetHealth::Unknown,
            last_scrape_ms: None,
            last_duration: None,
            last_error: None,
            last_warning: None,
            samples: 0,
        }));
        self.0.targets.write().insert((job.name.clone(), target.key()), status.clone());
        self.changed();
        status
    }

    /// A target that stays, with other labels before `relabel_configs`.
    pub(super) fn rediscover(&self, job: &JobConfig, key: TargetKey, target: &Target) {
        if let Some(status) = self.0.targets.read().get(&(job.name.clone(), key)) {
            let mut status = status.lock();
            if status.discovered_labels != target.discovered {
                status.discovered_labels = target.discovered.clone();
            }
        }
    }

    pub(super) fn remove(&self, job: &JobConfig, key: &TargetKey) {
        self.0.targets.write().remove(&(job.name.clone(), key.clone()));
        self.changed();
    }

    pub(super) fn set_problems(&self, job: &JobConfig, problems: Vec<String>) {
        let mut all = self.0.problems.write();
        let before = all.remove(&job.name).unwrap_or_default();
        for problem in problems.iter().filter(|p| !before.contains(p)) {
            tracing::warn!(job = job.name, problem, "targets cannot be discovered");
        }
        if !problems.is_empty() {
            all.insert(job.name.clone(), problems);
        }
        drop(all);
        self.changed();
    }

    /// All declarations of jobs that cannot be honoured, by the names that the jobs would have.
    pub(super) fn set_refused(&self, now: BTreeMap<String, Vec<String>>) {
        let mut refused = self.0.refused.write();
        for (name, problems) in now.iter().filter(|(name, problems)| refused.get(*name) != Some(*problems)) {
            tracing::warn!(name, problem = problems.join("; "), "a declared job cannot be honoured");
        }
        *refused = now;
        drop(refused);
        self.changed();
    }

    /// A job that is no more.
    pub(super) fn forget(&self, job: &JobConfig) {
        self.0.problems.write().remove(&job.name);
        self.0.dropped.write().remove(&job.name);
        self.changed();
    }

    pub(super) fn set_dropped(&self, job: &JobConfig, mut discovered: Vec<Labels>) {
        let count = discovered.len();
        discovered.truncate(MAX_DROPPED);
        self.0.dropped.write().insert(job.name.clone(), Dropped { count, discovered });
    }

    pub(super) fn changed(&self) {
        self.0.changes.send_modify(|n| *n = n.wrapping_add(1));
    }
}
