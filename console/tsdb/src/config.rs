//! Limits of the store.

use std::{path::PathBuf, sync::Arc};

/// Milliseconds since the Unix epoch; tests pass their own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

#[derive(Clone)]
pub struct TsdbConfig {
    /// Folder of the write-ahead log; created when missing.
    pub dir: PathBuf,
    /// Samples older than this are dropped, and refused on arrival.
    pub retention_ms: i64,
    /// Bytes of log on disk; the oldest segments go first, together with what memory holds of their time.
    pub max_bytes: u64,
    pub segment_bytes: u64,
    /// A sample may be this much older than the newest one of its series.
    pub out_of_order_ms: i64,
    pub limits: TsdbLimits,
    pub clock: Clock,
}

/// What a write may contain. Each refusal names the limit.
#[derive(Clone, Debug)]
pub struct TsdbLimits {
    pub max_series: usize,
    pub max_labels_per_series: usize,
    pub max_label_name_bytes: usize,
    pub max_label_value_bytes: usize,
    /// Samples later than this after now are refused.
    pub max_future_ms: i64,
    pub max_metadata: usize,
    pub max_help_bytes: usize,
}

impl Default for TsdbLimits {
    fn default() -> Self {
        Self {
            max_series: 200_000,
            max_labels_per_series: 60,
            max_label_name_bytes: 1024,
            max_label_value_bytes: 4096,
            max_future_ms: 600_000,
            max_metadata: 20_000,
            max_help_bytes: 4096,
        }
    }
}

impl TsdbConfig {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            retention_ms: 6 * 3_600_000,
            max_bytes: 512 << 20,
            segment_bytes: 16 << 20,
            out_of_order_ms: 3_600_000,
            limits: TsdbLimits::default(),
            clock: Arc::new(console_model::clock::now_ms),
        }
    }
}
