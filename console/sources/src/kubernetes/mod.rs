//! A Kubernetes cluster with Flux, read by watching it: pages are answered from what was told last, and nothing is
//! asked of the API server for them.
//!
//! What holds: every kind in every watched namespace has a watch of its own, so that a missing kind or right costs only
//! what it is about; what is kept is bounded; a watch that is lost says since when, and what is known stays, marked as
//! old. Only `get`, `list` and `watch` are used. Secrets and configuration maps are not read.

mod answer;
mod client;
mod discovery;
mod exec;
mod flux;
mod kind;
mod shared_run;
mod view;
mod warnings;
mod watch;
mod workloads;

use std::sync::Arc;

use async_trait::async_trait;
use console_model::cluster::{Cluster, ObjectRef, WatchState};
use console_storage::{SourceError, source::ClusterSource};
use futures::future::join_all;
use kube::{
    Api,
    core::DynamicObject,
    runtime::watcher::{self, Event},
};
use tokio::{sync::watch as signal, task::JoinHandle, time::Instant};

pub use client::{ClusterAccess, ClusterAccessError, ClusterConnection, watch_config};
pub use discovery::{KubernetesTargets, MonitorsConfig};
pub use watch::WatchPace;

use self::{
    client::SharedClient,
    kind::{ALL_KINDS, WatchedObject},
    view::View,
    watch::{FORBIDDEN, Loss, NOT_FOUND, Watch},
};

/// Which cluster is read, and how much of it.
#[derive(Clone, Debug)]
pub struct KubernetesConfig {
    pub access: ClusterAccess,
    /// Empty: all of them, which takes rights for all of them.
    pub namespaces: Vec<String>,
    pub pace: WatchPace,
    /// Objects that are kept of a kind in a namespace (or in all namespaces, when none are named).
    pub max_objects: usize,
    /// Warnings that are kept likewise.
    pub max_warnings: usize,
}

impl KubernetesConfig {
    pub fn new(access: ClusterAccess, namespaces: Vec<String>) -> Self {
        Self { access, namespaces, pace: WatchPace::default(), max_objects: 2000, max_warnings: 500 }
    }
}

/// A cluster that is watched until this is dropped.
pub struct KubernetesCluster {
    address: String,
    views: Arc<Vec<View>>,
    changes: signal::Receiver<u64>,
    watching: JoinHandle<()>,
}

impl KubernetesCluster {
    /// Begins to watch, in the background: a cluster that cannot be reached is no error.
    pub fn start(config: KubernetesConfig) -> Result<Self, ClusterAccessError> {
        let address = ClusterConnection::open(&config.access)?.address();
        let (changed, changes) = signal::channel(0);
        let changed = Arc::new(changed);
        let namespaces: Vec<Option<String>> = if config.namespaces.is_empty() {
            vec![None]
        } else {
            config.namespaces.iter().cloned().map(Some).collect()
        };
        let views: Vec<View> = ALL_KINDS
            .into_iter()
            .flat_map(|kind| namespaces.iter().map(move |namespace| (kind, namespace.clone())))
            .map(|(kind, namespace)| {
                let max = if kind.is_warning() { config.max_warnings } else { config.max_objects };
                View::new(kind, namespace, max, changed.clone())
            })
            .collect();
        let views = Arc::new(views);
        tracing::info!(address, watches = views.len(), "a cluster is watched");
        let watching = tokio::spawn(watch_all(config.access, views.clone(), config.pace));
        Ok(Self { address, views, changes, watching })
    }

    /// The address of the API server.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Tells of every change of what [`ClusterSource::cluster`] would answer.
    pub fn changes(&self) -> signal::Receiver<u64> {
        self.changes.clone()
    }
}

impl Drop for KubernetesCluster {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

#[async_trait]
impl ClusterSource for KubernetesCluster {
    async fn cluster(&self) -> Result<Option<Cluster>, SourceError> {
        let mut found = Cluster { address: self.address.clone(), ..Cluster::default() };
        let mut warnings = Vec::new();
        for view in self.views.iter() {
            found.watched.push(view.told(|object| match object {
                WatchedObject::Flux(object) => found.flux.push(object.clone()),
                WatchedObject::Workload(workload) => found.workloads.push(workload.clone()),
                WatchedObject::Warning(warning) => warnings.push(warning.clone()),
            }));
        }
        found.flux.sort_by(|a, b| a.object.cmp(&b.object));
        found.workloads.sort_by(|a, b| a.object.cmp(&b.object));
        found.warnings = warnings::of_known(warnings, |object: &ObjectRef| {
            found.flux.binary_search_by(|f| f.object.cmp(object)).is_ok()
                || found.workloads.binary_search_by(|w| w.object.cmp(object)).is_ok()
        });
        Ok(Some(found))
    }
}

/// Never ends by itself. All watches are parts of one task, and end with it.
async fn watch_all(access: ClusterAccess, views: Arc<Vec<View>>, pace: WatchPace) {
    let client = SharedClient::new(access);
    let watches: Vec<_> = views.iter().map(|view| ViewWatch { view, client: &client }).collect();
    join_all(watches.iter().map(|one| watch::keep(one, pace))).await;
}

/// Keeps a view true.
struct ViewWatch<'a> {
    view: &'a View,
    client: &'a SharedClient,
}

impl Watch for ViewWatch<'_> {
    type Object = DynamicObject;

    fn what(&self) -> String {
        let place = self.view.namespace().map(|n| format!(" in namespace {n}")).unwrap_or_default();
        format!("{}{place}", self.view.kind().resource_name())
    }

    fn config(&self) -> watcher::Config {
        self.view.kind().watch_config()
    }

    async fn api(&self, lost: Instant) -> Result<Api<DynamicObject>, String> {
        let client = self.client.since(lost).await?;
        let resource = self.view.kind().resource();
        Ok(match self.view.namespace() {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        })
    }

    fn take(&self, event: Event<DynamicObject>) {
        self.view.take(event);
    }

    fn lose(&self, since_ms: i64, loss: Loss) {
        let kind = self.view.kind();
        match loss.code {
            Some(FORBIDDEN) => self.view.refuse(WatchState::Forbidden {
                verb: loss.verb.to_owned(),
                resource: kind.resource_name(),
                message: loss.message,
            }),
            Some(NOT_FOUND) if kind.is_flux() => self.view.refuse(WatchState::NotInstalled),
            _ => self.view.lose(since_ms, loss.reason()),
        }
    }
}
