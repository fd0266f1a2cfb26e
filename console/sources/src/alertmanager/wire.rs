//! What Alertmanager's API v2 answers (prometheus/alertmanager, api/v2/openapi.yaml), as far as it is read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Of `GET /api/v2/alerts`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireAlert {
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    pub fingerprint: String,
    pub starts_at: DateTime<Utc>,
    pub status: WireStatus,
    #[serde(default, rename = "generatorURL")]
    pub generator_url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireStatus {
    #[serde(default)]
    pub silenced_by: Vec<String>,
    #[serde(default)]
    pub inhibited_by: Vec<String>,
    /// Time intervals; since 0.28.
    #[serde(default)]
    pub muted_by: Vec<String>,
}

/// Of `GET /api/v2/silences`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireSilence {
    pub id: String,
    pub matchers: Vec<WireMatcher>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    #[serde(default)]
    pub created_by: String,
    #[serde(default)]
    pub comment: String,
    pub status: WireSilenceStatus,
}

#[derive(Debug, Deserialize)]
pub struct WireSilenceStatus {
    /// `active`, `pending` or `expired`.
    pub state: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireMatcher {
    pub name: String,
    pub value: String,
    pub is_regex: bool,
    /// Absent before 0.22.
    #[serde(default = "yes")]
    pub is_equal: bool,
}

/// Of `GET /api/v2/status`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireServer {
    pub version_info: WireVersion,
    pub cluster: WireCluster,
}

#[derive(Debug, Deserialize)]
pub struct WireVersion {
    pub version: String,
}

#[derive(Debug, Deserialize)]
pub struct WireCluster {
    /// `ready`, `settling` or `disabled`.
    pub status: String,
    /// Absent or null without a cluster.
    #[serde(default)]
    pub peers: Option<Vec<serde::de::IgnoredAny>>,
}

fn yes() -> bool {
    true
}

impl WireMatcher {
    pub fn words(&self) -> String {
        let operator = match (self.is_equal, self.is_regex) {
            (true, false) => "=",
            (false, false) => "!=",
            (true, true) => "=~",
            (false, true) => "!~",
        };
        format!("{}{operator}{:?}", self.name, self.value)
    }
}
