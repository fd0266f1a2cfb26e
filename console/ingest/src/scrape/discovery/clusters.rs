//! What the clusters of one job say.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::cluster::{ClusterDiscovery, ClusterTargets};
use crate::scrape::config::KubernetesDiscovery;

const NO_CLUSTER: &str = "kubernetes_sd_configs: this program has no access to clusters";

/// Receivers of all entries of `kubernetes_sd_configs`.
pub struct Clusters {
    receivers: Vec<watch::Receiver<ClusterTargets>>,
    changed: Arc<Notify>,
    is_missing: bool,
    /// Ended when this is dropped.
    _tasks: JoinSet<()>,
}

impl Clusters {
    /// Must run in a tokio runtime.
    pub fn start(discovery: &[KubernetesDiscovery], cluster: Option<&dyn ClusterDiscovery>) -> Self {
        let receivers: Vec<_> =
            cluster.map_or_else(Vec::new, |c| discovery.iter().map(|d| c.targets(d)).collect());
        let changed = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        for mut receiver in receivers.iter().cloned() {
            let changed = changed.clone();
            tasks.spawn(async move {
                while receiver.changed().await.is_ok() {
                    changed.notify_one();
                }
            });
        }
        let is_missing = cluster.is_none() && !discovery.is_empty();
        Self { receivers, changed, is_missing, _tasks: tasks }
    }

    /// Ends when one of them said something.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    pub fn found(&self) -> Vec<ClusterTargets> {
        let mut all: Vec<ClusterTargets> = self.receivers.iter().map(|r| r.borrow().clone()).collect();
        if self.is_missing {
            all.push(ClusterTargets { problems: vec![NO_CLUSTER.to_owned()], ..ClusterTargets::default() });
        }
        all
    }
}
