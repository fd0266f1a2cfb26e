//! The service's own metrics.

use prometheus::{Gauge, IntCounterVec, IntGaugeVec};
use shop_instrumentation::metrics::{MetricError, Metrics};

/// Metrics of this service.
#[derive(Clone)]
pub struct PaymentMetrics {
    /// By outcome: `approved`, `declined`, `error`.
    pub authorisations: IntCounterVec,
    /// By outcome: `accepted`, `replayed`, `refused`.
    pub webhooks: IntCounterVec,
    /// Age of the oldest operation whose outcome is not known, seconds.
    pub reconciliation_lag: Gauge,
    /// For how long what is due longest has waited for the reconciler, seconds.
    pub reconciliation_overdue: Gauge,
    /// Open differences between the provider's books and ours, by kind.
    pub differences: IntGaugeVec,
}

impl PaymentMetrics {
    /// Registers the metrics; closed label sets are shown from the start, so that a rate is never "no data".
    pub fn new(metrics: &Metrics) -> Result<Self, MetricError> {
        Ok(Self {
            authorisations: metrics.counter_vec("shop_payment_authorisations_total")?,
            webhooks: metrics.counter_vec("shop_payment_webhooks_total")?,
            reconciliation_lag: metrics.gauge("shop_payment_reconciliation_lag_seconds")?,
            reconciliation_overdue: metrics.gauge("shop_payment_reconciliation_overdue_seconds")?,
            differences: metrics.gauge_vec("shop_payment_differences")?,
        })
    }
}
