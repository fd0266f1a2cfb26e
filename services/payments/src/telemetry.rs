//! The service's own metrics and faults.

use prometheus::IntCounterVec;
use shop_instrumentation::metrics::{MetricError, Metrics};

/// Every authorisation is declined while it is on.
pub const DECLINE: &str = "payments.decline";
/// Every authorisation takes longer while it is on.
pub const LATENCY: &str = "payments.latency";

/// Counters of this service.
#[derive(Clone)]
pub struct PaymentMetrics {
    /// By outcome: `approved`, `declined`, `error`.
    pub authorisations: IntCounterVec,
}

impl PaymentMetrics {
    /// Registers the counters and shows each outcome from the start, so that a rate is never "no data".
    pub fn new(metrics: &Metrics) -> Result<Self, MetricError> {
        let authorisations = metrics.counter_vec("shop_payment_authorisations_total")?;
        for outcome in ["approved", "declined", "error"] {
            authorisations.with_label_values(&[outcome]);
        }
        Ok(Self { authorisations })
    }
}
