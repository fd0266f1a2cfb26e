//! Rules and their alerts as Prometheus tells them (`GET /api/v1/rules`; Prometheus' documentation, *HTTP API*, rules).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use console_model::{
    Labels,
    alert::{AlertState, RuleAlert, RuleDetail, RuleGroupStatus, RuleStatus},
};
use serde::Deserialize;

/// `data` of the answer.
#[derive(Debug, Deserialize)]
pub struct WireRules {
    groups: Vec<WireGroup>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireGroup {
    name: String,
    #[serde(default)]
    file: String,
    /// Seconds.
    interval: f64,
    #[serde(default)]
    limit: usize,
    #[serde(default)]
    evaluation_time: f64,
    #[serde(default)]
    last_evaluation: Option<DateTime<Utc>>,
    rules: Vec<WireRule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRule {
    name: String,
    query: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    state: String,
    /// Seconds.
    #[serde(default)]
    duration: f64,
    #[serde(default)]
    keep_firing_for: f64,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    alerts: Vec<WireAlert>,
    #[serde(default)]
    health: String,
    #[serde(default)]
    last_error: String,
    /// Seconds.
    #[serde(default)]
    evaluation_time: f64,
    #[serde(default)]
    last_evaluation: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAlert {
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    state: String,
    #[serde(default)]
    active_at: Option<DateTime<Utc>>,
    #[serde(default)]
    keep_firing_since: Option<DateTime<Utc>>,
    /// A float as Go writes it.
    value: String,
}

impl WireRules {
    /// The groups, and how many alerts they hold.
    pub fn read(self) -> (Vec<RuleGroupStatus>, usize) {
        let alerts = self.groups.iter().flat_map(|g| &g.rules).map(|r| r.alerts.len()).sum();
        (self.groups.into_iter().map(WireGroup::read).collect(), alerts)
    }
}

impl WireGroup {
    fn read(self) -> RuleGroupStatus {
        let (group, file) = (self.name.clone(), self.file.clone());
        RuleGroupStatus {
            name: self.name,
            file: self.file,
            interval_ms: millis(self.interval),
            limit: self.limit,
            last_evaluation_ms: moment(self.last_evaluation),
            evaluation_us: micros(self.evaluation_time),
            rules: self.rules.into_iter().map(|rule| rule.read(&group, &file)).collect(),
        }
    }
}

impl WireRule {
    fn read(self, group: &str, file: &str) -> RuleDetail {
        // A rule that was not evaluated yet is `unknown`.
        let last_error = match self.health.as_str() {
            "err" if self.last_error.is_empty() => Some("the last evaluation failed".to_owned()),
            _ => Some(self.last_error).filter(|e| !e.is_empty()),
        };
        RuleDetail {
            status: RuleStatus {
                group: group.to_owned(),
                file: file.to_owned(),
                name: self.name,
                is_recording: self.kind == "recording",
                expr: self.query,
                for_ms: millis(self.duration),
                labels: Labels::from_pairs(self.labels),
                annotations: Labels::from_pairs(self.annotations),
                state: state(&self.state),
                last_error,
                last_evaluation_ms: moment(self.last_evaluation),
                evaluation_us: micros(self.evaluation_time),
            },
            keep_firing_for_ms: millis(self.keep_firing_for),
            alerts: self.alerts.into_iter().map(WireAlert::read).collect(),
        }
    }
}

impl WireAlert {
    fn read(self) -> RuleAlert {
        RuleAlert {
            labels: Labels::from_pairs(self.labels),
            annotations: Labels::from_pairs(self.annotations),
            state: state(&self.state),
            active_at_ms: moment(self.active_at),
            keep_firing_since_ms: self.keep_firing_since.map(|t| t.timestamp_millis()),
            value: number(&self.value),
        }
    }
}

fn state(text: &str) -> AlertState {
    match text {
        "firing" => AlertState::Firing,
        "pending" => AlertState::Pending,
        _ => AlertState::Inactive,
    }
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        _ => text.parse().unwrap_or(f64::NAN),
    }
}

/// Go writes the year 1 for "never".
fn moment(at: Option<DateTime<Utc>>) -> i64 {
    at.map_or(0, |t| t.timestamp_millis().max(0))
}

fn millis(seconds: f64) -> i64 {
    (seconds * 1e3) as i64
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}
