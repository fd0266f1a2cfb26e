//! The service's own metrics and faults.

use prometheus::{Gauge, IntCounterVec};
use shop_instrumentation::faults::FaultSpec;
use shop_instrumentation::metrics::{MetricError, Metrics};

/// Reservations fail with an internal error while it is on.
pub const ERRORS: &str = "inventory.errors";
/// Reservations take longer while it is on.
pub const LATENCY: &str = "inventory.latency";

/// What can be switched on here.
pub const FAULTS: &[FaultSpec] = &[
    FaultSpec { name: ERRORS, description: "reservations fail with an internal error" },
    FaultSpec { name: LATENCY, description: "reservations take a second longer" },
];

/// Metrics of this service.
#[derive(Clone)]
pub struct InventoryMetrics {
    /// By outcome: `reserved`, `insufficient`, `released`, `confirmed`, `expired`.
    pub reservations: IntCounterVec,
    /// Products with nothing left to sell.
    pub out_of_stock: Gauge,
    /// Products whose level is not the sum of their movements.
    pub unbalanced: Gauge,
}

impl InventoryMetrics {
    /// Registers them and shows each outcome from the start, so that a rate is never "no data".
    pub fn new(metrics: &Metrics) -> Result<Self, MetricError> {
        let reservations = metrics.counter_vec("shop_reservations_total")?;
        for outcome in ["reserved", "insufficient", "released", "confirmed", "expired"] {
            reservations.with_label_values(&[outcome]);
        }
        Ok(Self {
            reservations,
            out_of_stock: metrics.gauge("shop_products_out_of_stock")?,
            unbalanced: metrics.gauge("shop_stock_unbalanced_products")?,
        })
    }
}
