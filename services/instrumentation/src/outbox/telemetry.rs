//! What an outbox shows of itself.

use prometheus::Gauge;

use crate::metrics::{MetricError, Metrics};

/// Gauges of an outbox and its stream.
#[derive(Clone)]
pub struct OutboxMetrics {
    /// Age of the oldest event not yet sent, seconds.
    pub lag_seconds: Gauge,
    /// Events not yet sent.
    pub pending: Gauge,
    /// Entries in the stream.
    pub stream_length: Gauge,
    /// Events that wait because the stream is full.
    pub held_back: Gauge,
}

impl OutboxMetrics {
    /// Registers them.
    pub fn new(metrics: &Metrics) -> Result<Self, MetricError> {
        Ok(Self {
            lag_seconds: metrics.gauge("shop_outbox_lag_seconds")?,
            pending: metrics.gauge("shop_outbox_pending")?,
            stream_length: metrics.gauge("shop_event_stream_length")?,
            held_back: metrics.gauge("shop_outbox_held_back")?,
        })
    }
}
