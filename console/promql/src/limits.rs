//! What one query may cost, and the defaults of the language.

use std::time::Duration;

/// Limits of a query and the parameters that Prometheus takes from its flags. Every default is safe.
#[derive(Clone, Debug)]
pub struct PromqlLimits {
    pub timeout: Duration,
    /// Samples that one query may hold in memory at once (Prometheus' `--query.max-samples`): 8 bytes each as values of
    /// steps, 16 as read.
    pub max_samples: usize,
    /// Points a series of a range query: Prometheus refuses more than 11,000 steps, which have one point more.
    pub max_steps: usize,
    /// Points a series of one subquery.
    pub max_subquery_steps: usize,
    /// How old the newest sample of a series may be to stand for its value.
    pub lookback: Duration,
    /// The step of a subquery that names none (Prometheus' evaluation interval).
    pub subquery_step: Duration,
    /// What Prometheus keeps behind feature flags: see [`crate::ParseOptions::experimental`].
    pub experimental: bool,
    /// Metric names stay until the end of a query where an operation makes them wrong (Prometheus' feature
    /// `promql-delayed-name-removal`).
    pub delayed_name_removal: bool,
    /// Counts samples step by step: see [`crate::Outcome::profile`].
    pub profiled: bool,
}

impl Default for PromqlLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(2),
            max_samples: 10_000_000,
            max_steps: 11_001,
            max_subquery_steps: 1_000_000,
            lookback: Duration::from_mins(5),
            subquery_step: Duration::from_mins(1),
            experimental: false,
            delayed_name_removal: false,
            profiled: false,
        }
    }
}
