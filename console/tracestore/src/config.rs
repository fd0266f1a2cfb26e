//! Limits of the store.

use std::{path::PathBuf, sync::Arc};

/// Milliseconds since the Unix epoch; tests pass their own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

#[derive(Clone)]
pub struct TraceStoreConfig {
    /// Folder of the write-ahead log; created when missing.
    pub dir: PathBuf,
    /// Traces whose last span is older are dropped.
    pub retention_ms: i64,
    /// Bytes of log on disk; the oldest segments go first.
    pub max_bytes: u64,
    /// Bytes of traces in memory; the oldest traces go first.
    pub max_memory_bytes: u64,
    pub segment_bytes: u64,
    /// Spans that start later than this after now are refused.
    pub max_future_ms: i64,
    /// One span, encoded.
    pub max_span_bytes: usize,
    /// Spans a trace; later ones are refused.
    pub max_spans_per_trace: usize,
    /// Newest traces looked at for tag names and values.
    pub max_tag_traces: usize,
    pub clock: Clock,
}

impl TraceStoreConfig {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            retention_ms: 6 * 3_600_000,
            max_bytes: 512 << 20,
            max_memory_bytes: 96 << 20,
            segment_bytes: 8 << 20,
            max_future_ms: 600_000,
            max_span_bytes: 256 << 10,
            max_spans_per_trace: 10_000,
            max_tag_traces: 2_000,
            clock: Arc::new(console_model::clock::now_ms),
        }
    }
}
