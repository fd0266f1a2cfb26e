//! Bounds of PromQL over the embedded store.

use std::time::Duration;

use console_promql::PromqlLimits;
use serde::Deserialize;

/// What one query may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryConfig {
    /// Samples that a query may hold in memory at once.
    pub max_samples: usize,
    pub timeout_s: u32,
    /// Also the syntax and functions that Prometheus has behind feature flags.
    pub experimental: bool,
}

impl Default for QueryConfig {
    fn default() -> Self {
        let limits = PromqlLimits::default();
        Self {
            max_samples: limits.max_samples,
            timeout_s: limits.timeout.as_secs() as u32,
            experimental: limits.experimental,
        }
    }
}

impl QueryConfig {
    pub fn limits(self) -> PromqlLimits {
        PromqlLimits {
            max_samples: self.max_samples,
            timeout: Duration::from_secs(self.timeout_s.into()),
            experimental: self.experimental,
            ..PromqlLimits::default()
        }
    }

    pub(super) fn problems(self) -> Vec<String> {
        let zero = [("max_samples", self.max_samples == 0), ("timeout_s", self.timeout_s == 0)];
        let named = |(name, _)| format!("query.{name}: must be at least 1");
        zero.into_iter().filter(|(_, is_zero)| *is_zero).map(named).collect()
    }
}
