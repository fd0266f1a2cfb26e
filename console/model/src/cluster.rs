//! What runs in a Kubernetes cluster and what Flux applied to it, as its API server told last.

use serde::{Deserialize, Serialize};

/// An object of the cluster. A kind's group is left out: no two groups that are read here have a kind in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

/// Whether what is told of a kind is of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchState {
    /// Nothing has been told yet.
    Starting,
    /// Every change is told as it happens.
    Current,
    /// Nothing has been told since; what is known is of then, or nothing.
    Stale { since_ms: i64, reason: String },
    /// The cluster has no such kind.
    NotInstalled,
    /// The service account lacks a right.
    Forbidden {
        /// `list` or `watch`.
        verb: String,
        /// As roles name it: `deployments.apps`.
        resource: String,
        message: String,
    },
}

/// A kind of objects that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedKind {
    pub kind: String,
    /// None: all namespaces.
    pub namespace: Option<String>,
    pub state: WatchState,
    /// There are more objects than are kept.
    pub is_cut: bool,
    /// The last object that could not be read, and why.
    pub unreadable: Option<String>,
}

/// How far Flux is with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FluxPhase {
    Ready,
    /// Has begun, waits for another, or has not looked at the newest specification yet.
    Reconciling,
    Failed,
}

/// Flux leaves the object alone because somebody said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// The program that said so last (`flux`, `kubectl-patch`); the API server does not keep who ran it.
    pub manager: Option<String>,
    pub at_ms: Option<i64>,
}

/// A Kustomization, a HelmRelease, or a source of Flux.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FluxObject {
    pub object: ObjectRef,
    pub phase: FluxPhase,
    /// One word: `ReconciliationSucceeded`, `HealthCheckFailed`, ...
    pub reason: String,
    pub message: String,
    /// Since when it is in its phase.
    pub since_ms: Option<i64>,
    pub suspended: Option<Suspension>,
    /// What the cluster has: `main@sha1:HASH`, or a chart's version; of a source what it fetched.
    pub applied_revision: Option<String>,
    /// When that was applied first.
    pub applied_at_ms: Option<i64>,
    /// What was tried last.
    pub attempted_revision: Option<String>,
    /// Where it comes from.
    pub source: Option<ObjectRef>,
}

/// A container of a workload's template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadContainer {
    pub name: String,
    pub image: String,
    /// The image's tag; its digest when it has none.
    pub version: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadCondition {
    /// `Available`, `Progressing`, `ReplicaFailure`.
    pub kind: String,
    pub is_true: bool,
    pub reason: String,
    pub message: String,
}

/// A Deployment or a StatefulSet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterWorkload {
    pub object: ObjectRef,
    /// In the order of the template.
    pub containers: Vec<WorkloadContainer>,
    pub desired: u32,
    /// Pods of the newest template.
    pub updated: u32,
    pub ready: u32,
    /// Whether the numbers are of the newest specification.
    pub is_observed: bool,
    pub conditions: Vec<WorkloadCondition>,
    /// The Kustomization or HelmRelease that applied it.
    pub applied_by: Option<ObjectRef>,
}

/// A warning of the cluster about an object that is watched, or about its pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterWarning {
    /// What it is about: also a pod or a replica set.
    pub object: ObjectRef,
    /// The watched object that `object` is of.
    pub owner: ObjectRef,
    pub reason: String,
    pub message: String,
    /// How often it happened.
    pub count: u32,
    /// The last time.
    pub at_ms: i64,
}

/// All that is known of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// The API server's address.
    pub address: String,
    pub watched: Vec<WatchedKind>,
    /// By kind, namespace and name.
    pub flux: Vec<FluxObject>,
    /// By kind, namespace and name.
    pub workloads: Vec<ClusterWorkload>,
    /// The newest first.
    pub warnings: Vec<ClusterWarning>,
}

impl Cluster {
    pub fn flux_object(&self, object: &ObjectRef) -> Option<&FluxObject> {
        self.flux.iter().find(|f| f.object == *object)
    }
}
