//! The service's own metrics and faults.

use prometheus::{Gauge, IntCounter, IntCounterVec};
use shop_instrumentation::faults::FaultSpec;
use shop_instrumentation::metrics::{MetricError, Metrics};

use crate::saga::Reason;

/// Placing an order fails with an internal error while it is on.
pub const ERRORS: &str = "orders.errors";
/// Placing an order takes longer while it is on.
pub const LATENCY: &str = "orders.latency";
/// The outbox relay sends nothing while it is on.
pub const QUEUE_STUCK: &str = "orders.queue_stuck";

/// What can be switched on here.
pub const FAULTS: &[FaultSpec] = &[
    FaultSpec { name: ERRORS, description: "placing an order fails with an internal error" },
    FaultSpec { name: LATENCY, description: "placing an order takes a second longer" },
    FaultSpec { name: QUEUE_STUCK, description: "events stay in the outbox: the relay sends nothing" },
];

/// Metrics of this service.
#[derive(Clone)]
pub struct OrderMetrics {
    pub placed: IntCounter,
    pub failed: IntCounterVec,
    pub value_minor: IntCounterVec,
    pub sagas_in_progress: Gauge,
    pub manual_review: Gauge,
}

impl OrderMetrics {
    /// Registers them and shows each known label from the start, so that a rate is never "no data".
    pub fn new(metrics: &Metrics) -> Result<Self, MetricError> {
        let failed = metrics.counter_vec("shop_orders_failed_total")?;
        for reason in Reason::ALL {
            failed.with_label_values(&[reason.as_str()]);
        }
        let value_minor = metrics.counter_vec("shop_order_value_minor_total")?;
        value_minor.with_label_values(&["EUR"]);
        Ok(Self {
            placed: metrics.counter("shop_orders_placed_total")?,
            failed,
            value_minor,
            sagas_in_progress: metrics.gauge("shop_sagas_in_progress")?,
            manual_review: metrics.gauge("shop_orders_manual_review")?,
        })
    }
}
