//! Targets and jobs for the scraper, from what a cluster's objects say: `kubernetes_sd_configs` as Prometheus reads them, and
//! ServiceMonitor and PodMonitor.
//!
//! What holds: objects are watched, never asked for again and again, and equal watches are one; each role is a function
//! from an object and its surroundings to a group of targets; everything is bounded, and what is left out is named; while
//! a watch is lost its last targets stay, and a problem says since when they are old.

mod access;
mod behind;
mod endpoints;
mod endpointslice;
mod finder;
mod ingress;
mod kind;
mod labels;
mod metadata;
mod monitors;
mod node;
mod objects;
mod pod;
mod registry;
mod role;
mod service;
#[cfg(test)]
mod tests;
mod watched;

use std::sync::Arc;

use console_ingest::scrape::{
    ClusterDiscovery, ClusterJobs, ClusterTargets,
    config::{KubernetesDiscovery, KubernetesRole},
};
use k8s_openapi::api::{
    core::v1::{Endpoints, Node, Pod, Service},
    discovery::v1::EndpointSlice,
    networking::v1::Ingress,
};
use parking_lot::Mutex;
use tokio::sync::watch as signal;

use self::{finder::find, registry::Registry, role::Role};
use super::watch::WatchPace;

pub use monitors::MonitorsConfig;

/// The clusters that scraping looks at. Watches run as long as somebody looks.
pub struct KubernetesTargets {
    registry: Arc<Registry>,
    monitors: Option<MonitorsConfig>,
    found: Arc<Mutex<Vec<Found>>>,
}

/// A discovery and those who look at it.
struct Found {
    discovery: KubernetesDiscovery,
    targets: signal::Sender<ClusterTargets>,
}

impl KubernetesTargets {
    /// Without monitors only what a configuration names is looked for.
    pub fn new(monitors: Option<MonitorsConfig>, pace: WatchPace) -> Self {
        Self { registry: Arc::new(Registry::new(pace)), monitors, found: Arc::default() }
    }

    /// Publishes until nobody looks any more.
    fn start<R: Role>(&self, discovery: KubernetesDiscovery, targets: signal::Sender<ClusterTargets>) {
        let (registry, found) = (self.registry.clone(), self.found.clone());
        tokio::spawn(async move {
            let finding = find::<R>(discovery, registry, targets.clone());
            tokio::pin!(finding);
            loop {
                tokio::select! {
                    () = &mut finding => {}
                    () = targets.closed() => {}
                }
                // Whoever looks anew does so under this lock.
                let mut found = found.lock();
                if targets.receiver_count() == 0 {
                    found.retain(|f| !f.targets.same_channel(&targets));
                    return;
                }
            }
        });
    }
}

impl ClusterDiscovery for KubernetesTargets {
    fn targets(&self, discovery: &KubernetesDiscovery) -> signal::Receiver<ClusterTargets> {
        let mut found = self.found.lock();
        if let Some(known) = found.iter().find(|f| f.discovery == *discovery) {
            return known.targets.subscribe();
        }
        let (targets, receiver) = signal::channel(ClusterTargets::default());
        let discovery = discovery.clone();
        found.push(Found { discovery: discovery.clone(), targets: targets.clone() });
        drop(found);
        match discovery.role {
            KubernetesRole::Node => self.start::<Node>(discovery, targets),
            KubernetesRole::Service => self.start::<Service>(discovery, targets),
            KubernetesRole::Pod => self.start::<Pod>(discovery, targets),
            KubernetesRole::Endpoints => self.start::<Endpoints>(discovery, targets),
            KubernetesRole::EndpointSlice => self.start::<EndpointSlice>(discovery, targets),
            KubernetesRole::Ingress => self.start::<Ingress>(discovery, targets),
        }
        receiver
    }

    fn jobs(&self) -> Option<signal::Receiver<ClusterJobs>> {
        let config = self.monitors.clone()?;
        let (jobs, receiver) = signal::channel(ClusterJobs::default());
        let registry = self.registry.clone();
        tokio::spawn(async move {
            let looked_at = jobs.clone();
            tokio::select! {
                () = monitors::follow(config, registry, jobs) => {}
                () = looked_at.closed() => {}
            }
        });
        Some(receiver)
    }
}
