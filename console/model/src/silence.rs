//! Silences, and why nobody is told of an alert that fires.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A silence that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    pub id: String,
    /// As Alertmanager writes them: `service="orders"`, `severity=~"warning|info"`.
    pub matchers: Vec<String>,
    pub created_by: String,
    pub comment: String,
    pub starts_at_ms: i64,
    pub ends_at_ms: i64,
}

/// What keeps an alert from being told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// Ids of silences.
    pub silences: Vec<String>,
    /// Fingerprints of alerts that inhibit it.
    pub inhibited_by: Vec<String>,
    /// Names of time intervals.
    pub intervals: Vec<String>,
    /// Rules say that it fires, and who would tell people does not know it.
    pub is_unsent: bool,
}

impl Mute {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// All silences, and every alert that is kept back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silencing {
    /// In the order in which they end.
    pub silences: Vec<Silence>,
    /// By the alert's fingerprint.
    pub mutes: BTreeMap<String, Mute>,
}

impl Silencing {
    pub fn find(&self, id: &str) -> Option<&Silence> {
        self.silences.iter().find(|s| s.id == id)
    }
}
