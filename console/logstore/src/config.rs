//! Limits of the store.

use std::{path::PathBuf, sync::Arc};

use console_blockkit::{
    MemoryBudget, RetentionClock, SyncPolicy,
    part::{PartProbe, Unprobed},
};

/// Milliseconds since the Unix epoch; tests pass their own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

#[derive(Clone)]
pub struct LogStoreConfig {
    /// Folder of the write-ahead log, with that of the parts in it; created when missing.
    pub dir: PathBuf,
    /// Lines older than this are refused on arrival; a part goes when its newest line is older.
    pub retention_ms: i64,
    /// Bytes on disk; the oldest parts go first.
    pub max_bytes: u64,
    /// Bytes that must stay free on the disk: below, nothing is accepted.
    pub min_free_bytes: u64,
    /// Bytes of lines that wait in memory. At half of it they are written as a part.
    pub max_head_bytes: u64,
    /// Lines wait in memory no longer than this.
    pub max_head_ms: i64,
    /// What this store may hold in memory, in lines, indexes and blocks.
    pub budget: Arc<MemoryBudget>,
    /// When a push is acknowledged.
    pub sync: SyncPolicy,
    /// Decoded indexes, and decoded blocks that several streams share.
    pub index_cache_bytes: usize,
    pub block_cache_bytes: usize,
    /// Bytes of lines and metadata above which a part is not merged any more.
    pub max_part_bytes: u64,
    /// A segment of the write-ahead log ends here at the latest; it also ends when memory becomes a part.
    pub segment_bytes: u64,
    /// Pushes that a slow subscriber may lag behind before it loses the oldest.
    pub subscriber_capacity: usize,
    pub limits: LogLimits,
    pub clock: Clock,
    /// What ages are counted from.
    pub retention_clock: Arc<RetentionClock>,
    /// Asked before each step that changes the disk.
    pub probe: Arc<dyn PartProbe>,
}

/// What a push may contain. Each refusal names the limit.
#[derive(Clone, Debug)]
pub struct LogLimits {
    /// Streams with lines in memory.
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
            retention_ms: 7 * 24 * 3_600_000,
            max_bytes: 4 << 30,
            min_free_bytes: 64 << 20,
            max_head_bytes: 32 << 20,
            max_head_ms: 5 * 60_000,
            budget: MemoryBudget::new(96 << 20),
            sync: SyncPolicy::default(),
            index_cache_bytes: 16 << 20,
            block_cache_bytes: 16 << 20,
            max_part_bytes: 1 << 30,
            segment_bytes: 64 << 20,
            subscriber_capacity: 1024,
            limits: LogLimits::default(),
            clock: Arc::new(console_model::clock::now_ms),
            retention_clock: Arc::new(RetentionClock::wall()),
            probe: Arc::new(Unprobed),
        }
    }
}
