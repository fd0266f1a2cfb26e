//! Limits of one write, before the stores' own limits (lines, labels, series, memory, disk).

use std::time::Duration;

use serde::Deserialize;

/// Characters of all names and values of an exemplar's labels (OpenMetrics, "Exemplars").
pub const MAX_EXEMPLAR_CHARS: usize = 128;

/// What a request may cost. Each refusal names the limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestLimits {
    /// Bytes of a request as sent.
    pub max_body_bytes: usize,
    /// Bytes after decompression.
    pub max_decompressed_bytes: usize,
    /// Arrays and objects inside one another in a JSON body.
    pub max_json_depth: usize,
    /// Spans, log records or samples in one request.
    pub max_items_per_request: usize,
    /// Attributes of one span, log record, data point, event, link, scope or resource.
    pub max_attributes: usize,
    /// Events and links of one span.
    pub max_events_per_span: usize,
    /// Buckets of one histogram data point, quantiles of one summary.
    pub max_buckets: usize,
    /// Series whose delta sums are added up in memory.
    pub max_delta_series: usize,
    /// Labels of one series or log stream.
    pub max_labels: usize,
    /// Requests that are decompressed and decoded at once.
    pub max_concurrent_requests: usize,
    /// How long a request waits for its turn before the sender is told to come back.
    pub max_wait_ms: u64,
    /// How long a body may take to arrive.
    pub body_timeout_ms: u64,
    /// Connections of syslog at once, and of the forward protocol.
    pub max_connections: usize,
    /// Bytes of one message of syslog.
    pub max_frame_bytes: usize,
    /// How long such a connection may be silent.
    pub idle_timeout_ms: u64,
}

impl Default for IngestLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: 16 << 20,
            max_decompressed_bytes: 64 << 20,
            max_json_depth: 64,
            max_items_per_request: 200_000,
            max_attributes: 256,
            max_events_per_span: 1024,
            max_buckets: 512,
            max_delta_series: 50_000,
            max_labels: 60,
            max_concurrent_requests: 8,
            max_wait_ms: 5_000,
            body_timeout_ms: 30_000,
            max_connections: 256,
            max_frame_bytes: 1 << 20,
            idle_timeout_ms: 300_000,
        }
    }
}

impl IngestLimits {
    pub fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub fn max_wait(&self) -> Duration {
        Duration::from_millis(self.max_wait_ms)
    }
}
