//! The port to a cluster: who watches its objects and makes targets and jobs of them is an adapter's matter.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;

use crate::scrape::{
    config::{JobConfig, KubernetesDiscovery},
    relabel::LabelMap,
};

/// Watches the objects of clusters. Must be called in a tokio runtime.
pub trait ClusterDiscovery: Send + Sync {
    /// The targets that `discovery` finds, until the receiver is dropped. Equal ones may share their watches.
    fn targets(&self, discovery: &KubernetesDiscovery) -> watch::Receiver<ClusterTargets>;

    /// Jobs that are objects of a cluster themselves; absent where none are looked for.
    fn jobs(&self) -> Option<watch::Receiver<ClusterJobs>>;
}

/// What one discovery finds. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct ClusterTargets {
    /// In order of their sources. One that did not change is the same `Arc` as before.
    pub groups: Arc<Vec<Arc<ClusterGroup>>>,
    /// Why targets may be missing or old, each with the verb, the resource and since when.
    pub problems: Vec<String>,
}

/// The targets of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterGroup {
    /// Kind, namespace and name.
    pub source: String,
    /// Of every target that has none of the same name.
    pub labels: LabelMap,
    /// `__address__` and what else tells them apart.
    pub targets: Vec<LabelMap>,
}

/// Jobs as they are declared now. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct ClusterJobs {
    /// Their names are different. One that did not change is the same `Arc` as before.
    pub jobs: Vec<Arc<JobConfig>>,
    /// What cannot be honoured, by the object that declares it, or by what is looked for.
    pub problems: BTreeMap<String, Vec<String>>,
}

impl ClusterGroup {
    /// The labels of each target.
    pub fn label_sets(&self) -> impl Iterator<Item = LabelMap> {
        self.targets.iter().map(|target| {
            let mut labels = self.labels.clone();
            labels.extend(target.iter().map(|(name, value)| (name.clone(), value.clone())));
            labels
        })
    }
}
