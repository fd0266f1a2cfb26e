//! Limits of the store.

use std::{path::PathBuf, sync::Arc};

/// Milliseconds since the Unix epoch; tests pass their own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

#[derive(Clone)]
pub struct LogStoreConfig {
    /// Folder of the write-ahead log; created when missing.
    pub dir: PathBuf,
    /// Lines older than this are dropped, and refused on arrival.
    pub retention_ms: i64,
    /// Bytes of log on disk; the oldest segments go first.
    pub max_bytes: u64,
    /// Bytes in memory (compressed blocks and raw heads); the oldest segments go first.
    pub max_memory_bytes: u64,
    /// Bytes of raw heads over all streams; above it heads are compressed early.
    pub max_head_bytes: u64,
    /// Raw bytes of lines after which a head becomes a block.
    pub block_bytes: usize,
    pub segment_bytes: u64,
    /// Pushes that a slow subscriber may lag behind before it loses the oldest.
    pub subscriber_capacity: usize,
    pub limits: LogLimits,
    pub clock: Clock,
}

/// What a push may contain. Each refusal names the limit.
#[derive(Clone, Debug)]
pub struct LogLimits {
    pub max_streams: usize,
    pub max_labels_per_stream: usize,
    pub max_label_name_bytes: usize,
    pub max_label_value_bytes: usize,
    pub max_line_bytes: usize,
    pub max_metadata_per_line: usize,
    pub max_metadata_bytes: usize,
    /// Lines later than this after now are refused.
    pub max_future_ms: i64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            max_streams: 10_000,
            max_labels_per_stream: 30,
            max_label_name_bytes: 1024,
            max_label_value_bytes: 2048,
            max_line_bytes: 256 << 10,
            max_metadata_per_line: 128,
            max_metadata_bytes: 64 << 10,
            max_future_ms: 600_000,
        }
    }
}

impl LogStoreConfig {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            retention_ms: 6 * 3_600_000,
            max_bytes: 512 << 20,
            max_memory_bytes: 128 << 20,
            max_head_bytes: 32 << 20,
            block_bytes: 256 << 10,
            segment_bytes: 8 << 20,
            subscriber_capacity: 1024,
            limits: LogLimits::default(),
            clock: Arc::new(console_model::clock::now_ms),
        }
    }
}
