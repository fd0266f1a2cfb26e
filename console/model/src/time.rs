//! Time ranges. Metrics count milliseconds, logs and traces nanoseconds, as their protocols do.

use serde::{Deserialize, Serialize};

/// A half-open range in milliseconds since the Unix epoch: `start_ms <= t < end_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    pub start_ms: i64,
    pub end_ms: i64,
}

impl TimeRange {
    /// The range that ends at `end_ms` and lasts `length_ms`.
    pub fn last(end_ms: i64, length_ms: i64) -> Self {
        Self { start_ms: end_ms - length_ms, end_ms }
    }

    pub fn length_ms(&self) -> i64 {
        self.end_ms - self.start_ms
    }

    pub fn start_ns(&self) -> i64 {
        self.start_ms.saturating_mul(1_000_000)
    }

    pub fn end_ns(&self) -> i64 {
        self.end_ms.saturating_mul(1_000_000)
    }
}
