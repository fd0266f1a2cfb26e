//! What is scraped, whoever scrapes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Labels;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetHealth {
    /// Not scraped yet.
    #[default]
    Unknown,
    Up,
    Down,
}

/// A target and its last scrape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActiveTarget {
    /// The entry of `scrape_configs`.
    pub scrape_pool: String,
    pub url: String,
    /// What its series carry.
    pub labels: Labels,
    /// Before `relabel_configs`.
    pub discovered: Labels,
    pub health: TargetHealth,
    pub last_error: Option<String>,
    pub last_scrape_ms: Option<i64>,
    pub last_duration_us: Option<u64>,
    pub interval_ms: i64,
    pub timeout_ms: i64,
}

/// A target that `relabel_configs` dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedTarget {
    pub scrape_pool: String,
    pub discovered: Labels,
}

/// All targets, in order of their scrape pools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetList {
    pub pools: Vec<String>,
    pub active: Vec<ActiveTarget>,
    /// At most some of each pool.
    pub dropped: Vec<DroppedTarget>,
    /// By scrape pool.
    pub dropped_counts: BTreeMap<String, u64>,
}
