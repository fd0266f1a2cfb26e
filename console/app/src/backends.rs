//! What pages read, whichever stores stand behind.

use std::sync::Arc;

use console_storage::source::{
    AlertsSource, ClusterSource, DeploysSource, FluxSource, LogsSource, MetricsSource, RunbooksSource,
    TracesSource,
};

use crate::about::AboutSource;

/// All sources of the pages. The server puts it into the reactive context of every request. Cheap to clone.
#[derive(Clone)]
pub struct Backends {
    pub metrics: Arc<dyn MetricsSource>,
    pub logs: Arc<dyn LogsSource>,
    pub traces: Arc<dyn TracesSource>,
    pub alerts: Arc<dyn AlertsSource>,
    pub deploys: Arc<dyn DeploysSource>,
    pub flux: Arc<dyn FluxSource>,
    pub cluster: Arc<dyn ClusterSource>,
    pub runbooks: Arc<dyn RunbooksSource>,
    pub about: Arc<dyn AboutSource>,
    /// Milliseconds since the Unix epoch.
    pub clock: fn() -> i64,
}
