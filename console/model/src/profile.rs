//! What the evaluation of a metrics query cost, step by step.

use serde::{Deserialize, Serialize};

/// Samples that a query looked at (prometheus/util/stats/query_stats.go). A native histogram counts as many as it takes
/// the memory of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryProfile {
    /// The moment of the first step.
    pub start_ms: i64,
    /// Between steps; at an instant there is only the first.
    pub step_ms: i64,
    /// Looked at; a sample in the windows of several steps counts at each.
    pub looked_at: Samples,
    /// Read; a sample in the windows of several steps counts at the first.
    pub read: Samples,
    /// The most that were held at once.
    pub peak: u64,
    pub timings: Timings,
}

/// A number of samples, and what of it falls to each step: empty where the backend does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    pub total: u64,
    pub by_step: Vec<u64>,
}

/// Where the time went, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Waiting for a place to be evaluated at.
    pub queue_us: u64,
    /// Making the query ready.
    pub prepare_us: u64,
    pub evaluate_us: u64,
    /// Putting the result in order.
    pub sort_us: u64,
    /// From the first to the last of all this.
    pub total_us: u64,
}

impl Samples {
    pub fn of_steps(by_step: Vec<u64>) -> Self {
        Self { total: by_step.iter().sum(), by_step }
    }
}
