//! What Flux tells: what it applied, and what it could not.

use serde::{Deserialize, Serialize};

/// One notification of Flux about one of its objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FluxEvent {
    /// `Kustomization`, `HelmRelease`, `GitRepository`, ...
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub is_failure: bool,
    /// One word: `ReconciliationSucceeded`, `HealthCheckFailed`, ...
    pub reason: String,
    pub message: String,
    /// As Flux writes it: `main@sha1:HASH`, or a chart's version. Empty when the event is about none.
    pub revision: String,
    pub at_ms: i64,
}
