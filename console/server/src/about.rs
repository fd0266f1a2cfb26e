//! What the About page shows.

use async_trait::async_trait;
use console_app::{
    About, AboutSource, Component, ScrapeTarget,
    view::format::{bytes, count, time_utc},
};
use console_ingest::scrape::{TargetHealth, Targets};

use serde::Deserialize;

use crate::{
    alerting::Alerting,
    sources::{Backends, EMBEDDED},
    stores::Stores,
};

/// Problems of the discovery of targets that are shown.
const MAX_PROBLEMS: usize = 200;
const MAX_PROBLEMS_OF_A_JOB: usize = 10;

/// The record of `console_promql::conformance`.
#[derive(Deserialize)]
struct Conformance {
    recorded_at_ms: i64,
    classic: Score,
    native_histograms: Score,
}

#[derive(Deserialize)]
struct Score {
    passed: u64,
    of: u64,
}

/// How PromQL did against Prometheus' own tests; nothing when there is no record that can be read.
fn conformance() -> Vec<(String, String)> {
    let Ok(record) = serde_json::from_str::<Conformance>(console_promql::conformance::RECORDED) else {
        return Vec::new();
    };
    let words = |s: &Score| format!("{} of {}", count(s.passed), count(s.of));
    vec![
        ("PromQL, Prometheus' tests".to_owned(), words(&record.classic)),
        ("with native histograms".to_owned(), words(&record.native_histograms)),
        ("measured".to_owned(), format!("{} UTC", time_utc(record.recorded_at_ms))),
    ]
}

/// A live look at the parts of this process.
pub struct SelfAbout {
    pub version: String,
    pub started_at_ms: i64,
    pub stores: Stores,
    pub backends: Backends,
    pub targets: Option<Targets>,
    pub alerting: Alerting,
    /// Whether messages to Slack are sent.
    pub slack: &'static str,
}

#[async_trait]
impl AboutSource for SelfAbout {
    async fn about(&self) -> About {
        About {
            version: self.version.clone(),
            started_at_ms: self.started_at_ms,
            components: self.components().await,
            targets: self.targets.as_ref().map(scrape_targets).unwrap_or_default(),
            discovery_problems: self.targets.as_ref().map(discovery_problems).unwrap_or_default(),
        }
    }
}

impl SelfAbout {
    async fn components(&self) -> Vec<Component> {
        let (m, l, t) = (self.stores.metrics.stats(), self.stores.logs.stats(), self.stores.traces.stats());
        let size = |memory: u64, disk: u64| {
            [("memory", memory), ("disk", disk)].map(|(k, v)| (k.to_owned(), bytes(v as f64)))
        };
        let part =
            |name: &str, backend: &str, counts: &[(&str, u64)], sizes: &[(String, String)]| Component {
                name: name.to_owned(),
                backend: backend.to_owned(),
                facts: counts
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), count(*v)))
                    .chain(sizes.iter().cloned())
                    .collect(),
            };
        let mut metrics = part(
            "Metrics",
            &self.backends.metrics,
            &[("series in memory", m.series), ("samples", m.samples), ("blocks on disk", m.blocks)],
            &size(m.memory_bytes, m.disk_bytes),
        );
        if self.backends.metrics == EMBEDDED {
            metrics.facts.extend(conformance());
        }
        vec![
            metrics,
            part(
                "Logs",
                &self.backends.logs,
                &[("streams", l.streams), ("lines", l.entries), ("parts on disk", l.parts)],
                &size(l.memory_bytes, l.disk_bytes),
            ),
            part(
                "Traces",
                &self.backends.traces,
                &[("traces", t.traces), ("spans", t.spans)],
                &size(t.memory_bytes, t.disk_bytes),
            ),
            self.alerting.component(self.slack).await,
            Component {
                name: "Deploys".to_owned(),
                backend: self.backends.deploys.clone(),
                facts: self.backends.cluster.iter().map(|c| ("cluster".to_owned(), c.clone())).collect(),
            },
        ]
    }
}

fn scrape_targets(targets: &Targets) -> Vec<ScrapeTarget> {
    targets
        .list()
        .into_iter()
        .map(|t| ScrapeTarget {
            job: t.job,
            instance: t.instance,
            url: t.url,
            is_up: t.health == TargetHealth::Up,
            last_scrape_ms: t.last_scrape_ms,
            duration_ms: t.last_duration.map_or(0, |d| d.as_millis() as u64),
            last_error: t.last_error,
        })
        .collect()
}

fn discovery_problems(targets: &Targets) -> Vec<(String, String)> {
    let of = |(job, problems): (String, Vec<String>)| {
        let shown = problems.into_iter().take(MAX_PROBLEMS_OF_A_JOB);
        shown.map(move |problem| (job.clone(), problem)).collect::<Vec<_>>()
    };
    targets.problems().into_iter().flat_map(of).take(MAX_PROBLEMS).collect()
}
