//! ServiceMonitor and PodMonitor: jobs that objects of a cluster declare, as prometheus-operator reads them.
//!
//! A monitor that needs what the console cannot do is named with what it needs, and not scraped half.

mod object;
mod rules;
mod spec;
#[cfg(test)]
mod tests;
mod translate;

use std::{collections::HashMap, sync::Arc, time::Duration};

use console_ingest::scrape::{
    ClusterJobs,
    config::{ApiServer, JobConfig},
};
use futures::future::select_all;
use tokio::{sync::watch as signal, time::Instant};

use self::{
    object::{Monitor, PodMonitor, ServiceMonitor},
    translate::{Terms, Translated, job, translate},
};
use super::{
    registry::Registry,
    watched::{Scope, Watched},
};

/// Least time between two looks at what changed.
const MIN_UPDATE_INTERVAL: Duration = Duration::from_millis(100);
/// Most jobs of all monitors.
const MAX_JOBS: usize = 1000;
/// What stands for the watches among problems.
const WATCHES: &str = "monitors";

/// Which monitors are honoured, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitorsConfig {
    pub server: ApiServer,
    /// Where monitors lie; empty: anywhere.
    pub namespaces: Vec<String>,
    /// Of the monitors' own labels, in Kubernetes' syntax. Empty: all.
    pub label_selector: String,
    /// Where a monitor names none.
    pub scrape_interval: Duration,
    /// Monitors may name files of the console's machine for requests to their targets.
    pub allow_files: bool,
}

/// Publishes the jobs of all monitors. Never ends by itself.
pub(super) async fn follow(
    config: MonitorsConfig,
    registry: Arc<Registry>,
    found: signal::Sender<ClusterJobs>,
) {
    let terms = Terms {
        server: config.server.clone(),
        scrape_interval: format!("{}ms", config.scrape_interval.as_millis()),
        allow_files: config.allow_files,
    };
    let (services, pods): (Watches<ServiceMonitor>, Watches<PodMonitor>) =
        (watches(&config, &registry), watches(&config, &registry));
    let mut changes: Vec<_> =
        services.iter().map(|w| w.changes()).chain(pods.iter().map(|w| w.changes())).collect();
    let mut known = Known::default();
    loop {
        let next = Instant::now() + MIN_UPDATE_INTERVAL;
        for change in &mut changes {
            change.borrow_and_update();
        }
        let mut jobs = ClusterJobs::default();
        let problems: Vec<String> = services
            .iter()
            .flat_map(|w| w.problems())
            .chain(pods.iter().flat_map(|w| w.problems()))
            .collect();
        if !problems.is_empty() {
            jobs.problems.insert(WATCHES.to_owned(), problems);
        }
        let before = std::mem::take(&mut known);
        take(&services, &terms, &before, &mut known, &mut jobs);
        take(&pods, &terms, &before, &mut known, &mut jobs);
        found.send_replace(jobs);
        let _ = select_all(changes.iter_mut().map(|c| Box::pin(c.changed()))).await;
        tokio::time::sleep_until(next).await;
    }
}

type Watches<K> = Vec<Arc<Watched<K>>>;

/// Jobs of monitors, by what they were made of: one that did not change is the same.
type Known = HashMap<String, (u64, Vec<Made>)>;

/// A job, or the name that it would have and why it is none.
type Made = Result<Arc<JobConfig>, (String, String)>;

fn watches<K: Monitor>(config: &MonitorsConfig, registry: &Registry) -> Watches<K> {
    let scope = |namespace| Scope {
        server: config.server.clone(),
        namespace,
        label_selector: config.label_selector.clone(),
        field_selector: String::new(),
    };
    if config.namespaces.is_empty() {
        return vec![registry.watch(scope(None))];
    }
    config.namespaces.iter().map(|name| registry.watch(scope(Some(name.clone())))).collect()
}

fn take<K: Monitor>(
    watches: &Watches<K>,
    terms: &Terms,
    before: &Known,
    known: &mut Known,
    jobs: &mut ClusterJobs,
) {
    for ((namespace, name), seen) in watches.iter().filter_map(|w| w.objects()).flat_map(|o| (*o).clone()) {
        let key = format!("{}/{namespace}/{name}", K::JOB);
        let same = before.get(&key).filter(|(stamp, _)| *stamp == seen.stamp).map(|(_, made)| made.clone());
        let made = same.unwrap_or_else(|| {
            let translated = translate(K::JOB, &namespace, &name, seen.spec(), terms);
            make(&key, translated, terms)
        });
        for one in &made {
            match one {
                Ok(_) if jobs.jobs.len() >= MAX_JOBS => {
                    let message = format!("there are more than {MAX_JOBS} jobs, and this one is left out");
                    jobs.problems.entry(key.clone()).or_default().push(message);
                }
                Ok(job) => jobs.jobs.push(job.clone()),
                Err((name, problem)) => {
                    jobs.problems.entry(name.clone()).or_default().push(problem.clone());
                }
            }
        }
        known.insert(key, (seen.stamp, made));
    }
}

fn make(key: &str, translated: Result<Vec<Translated>, String>, terms: &Terms) -> Vec<Made> {
    let translated = match translated {
        Ok(translated) => translated,
        Err(problem) => return vec![Err((key.to_owned(), problem))],
    };
    let one = |(i, config): (usize, Translated)| {
        let made = config.and_then(|config| job(&config, terms));
        made.map(Arc::new).map_err(|problem| (format!("{key}/{i}"), problem))
    };
    translated.into_iter().enumerate().map(one).collect()
}
