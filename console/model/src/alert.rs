//! Alerts as pages and messages see them, whichever engine produced them.

use serde::{Deserialize, Serialize};

use crate::{Labels, span::TraceId};

/// Annotation of an alert without a rule: the state, in the words of whoever decides it.
pub const TOLD_STATE: &str = "told_state";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    Inactive,
    Pending,
    Firing,
    /// Fired, then stopped; kept a while so that a page opened from a message still tells the story.
    Resolved,
}

/// One alert: a rule's name with one label set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// 16 hex digits, stable over restarts: a hash of the labels.
    pub fingerprint: String,
    pub name: String,
    pub labels: Labels,
    pub annotations: Labels,
    pub state: AlertState,
    /// When the expression first held.
    pub active_at_ms: i64,
    pub fired_at_ms: Option<i64>,
    pub resolved_at_ms: Option<i64>,
    /// The expression's value at the last evaluation; says nothing where there is no expression.
    pub value: f64,
    /// The rule's PromQL expression; empty for an alert that somebody else decides.
    pub expr: String,
    pub for_ms: i64,
    /// The runbook's slug (the alert's name), when there is one.
    pub runbook: Option<String>,
    pub evidence: Evidence,
}

impl Alert {
    pub fn severity(&self) -> &str {
        self.labels.get("severity").unwrap_or("none")
    }

    /// Whether somebody else decides it: there is no rule, no expression and no value.
    pub fn is_external(&self) -> bool {
        self.expr.is_empty()
    }

    /// The service that the alert speaks of: label `service`, else `job`.
    pub fn service(&self) -> Option<&str> {
        self.labels.get("service").or_else(|| self.labels.get("job"))
    }
}

/// What was found when the alert fired, so that a message carries proof.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// TraceQL of the annotation `trace_query`, and a trace that it found.
    pub trace_query: Option<String>,
    pub trace_id: Option<TraceId>,
    /// LogQL of the annotation `log_query`, and a line that it found.
    pub log_query: Option<String>,
    pub log_line: Option<String>,
}

/// A rule with its health, for the Alerts page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleStatus {
    pub group: String,
    pub file: String,
    /// The alert's name, or the recorded series' name.
    pub name: String,
    pub is_recording: bool,
    pub expr: String,
    pub for_ms: i64,
    pub labels: Labels,
    pub annotations: Labels,
    pub state: AlertState,
    /// The last evaluation's error.
    pub last_error: Option<String>,
    pub last_evaluation_ms: i64,
    pub evaluation_us: u64,
}

/// A pending or firing alert of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleAlert {
    pub labels: Labels,
    pub annotations: Labels,
    pub state: AlertState,
    pub active_at_ms: i64,
    /// Since when only `keep_firing_for` carries it.
    pub keep_firing_since_ms: Option<i64>,
    pub value: f64,
}

/// A rule with everything that Prometheus tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleDetail {
    pub status: RuleStatus,
    pub keep_firing_for_ms: i64,
    pub alerts: Vec<RuleAlert>,
}

/// A rule group and its last evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleGroupStatus {
    pub name: String,
    pub file: String,
    pub interval_ms: i64,
    /// Most alerts (or series) that a rule may produce; 0: no limit.
    pub limit: usize,
    /// 0 before the first one.
    pub last_evaluation_ms: i64,
    pub evaluation_us: u64,
    pub rules: Vec<RuleDetail>,
}

/// A notification as it was (or would have been) sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    pub id: u64,
    pub at_ms: i64,
    pub receiver: String,
    /// `slack`, `email` or `webhook`.
    pub integration: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// Group labels as `k="v"` pairs.
    pub group: Labels,
    pub title: String,
    /// The exact payload: Block Kit JSON, or the mail's text.
    pub payload: String,
    pub outcome: DeliveryOutcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DeliveryOutcome {
    Delivered,
    /// No address is configured: kept for the preview only.
    NotConfigured,
    Failed {
        reason: String,
        attempts: u32,
    },
}
