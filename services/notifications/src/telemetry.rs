//! The service's own metrics and faults.

use prometheus::{Gauge, IntCounterVec};
use shop_instrumentation::faults::FaultSpec;
use shop_instrumentation::metrics::{MetricError, Metrics};

/// No mail is taken while it is on.
pub const ERRORS: &str = "notifications.errors";
/// Every mail takes longer while it is on.
pub const LATENCY: &str = "notifications.latency";

/// The folder of mails has no space left while it is on.
pub const DISK_FULL: &str = "notifications.disk_full";

/// What can be switched on here.
pub const FAULTS: &[FaultSpec] = &[
    FaultSpec { name: ERRORS, description: "mails cannot be handed over; events wait" },
    FaultSpec { name: DISK_FULL, description: "the folder of mails has no space left; events wait" },
    FaultSpec { name: LATENCY, description: "every mail takes a second longer" },
];

/// Metrics of this service.
#[derive(Clone)]
pub struct NotificationMetrics {
    /// By kind and outcome: `sent`, `failed` (a try), `dead_lettered`, `withheld` (its mailbox had enough of them).
    pub notifications: IntCounterVec,
    /// By reason: `unreadable`, `refused`, `expired`.
    pub dead_lettered: IntCounterVec,
    /// Age of the oldest event not yet handled, over all streams.
    pub lag_seconds: Gauge,
}

impl NotificationMetrics {
    pub fn new(metrics: &Metrics) -> Result<Self, MetricError> {
        Ok(Self {
            notifications: metrics.counter_vec("shop_notifications_sent_total")?,
            dead_lettered: metrics.counter_vec("shop_events_dead_lettered_total")?,
            lag_seconds: metrics.gauge("shop_event_consumer_lag_seconds")?,
        })
    }
}
