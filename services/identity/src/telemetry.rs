//! The service's own metrics and faults.

use prometheus::{IntCounter, IntCounterVec};
use shop_instrumentation::faults::FaultSpec;
use shop_instrumentation::metrics::{MetricError, Metrics};

/// Registering and logging in fail with an internal error while it is on.
pub const ERRORS: &str = "identity.errors";
/// Registering and logging in take longer while it is on.
pub const LATENCY: &str = "identity.latency";

/// What can be switched on here.
pub const FAULTS: &[FaultSpec] = &[
    FaultSpec { name: ERRORS, description: "registering and logging in fail with an internal error" },
    FaultSpec { name: LATENCY, description: "registering and logging in take a second longer" },
];

/// Metrics of this service.
#[derive(Clone)]
pub struct IdentityMetrics {
    /// By outcome: `success`, `invalid`, `throttled`.
    pub login_attempts: IntCounterVec,
    pub registrations: IntCounter,
}

impl IdentityMetrics {
    pub fn new(metrics: &Metrics) -> Result<Self, MetricError> {
        Ok(Self {
            login_attempts: metrics.counter_vec("shop_login_attempts_total")?,
            registrations: metrics.counter("shop_registrations_total")?,
        })
    }
}
