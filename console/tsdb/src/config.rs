//! Limits of the store.

use std::{path::PathBuf, sync::Arc};

use console_blockkit::{MemoryBudget, RetentionClock, SyncPolicy};

use crate::block::{BlockProbe, Unprobed};

/// Milliseconds since the Unix epoch; tests pass their own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

#[derive(Clone)]
pub struct TsdbConfig {
    /// Folder of the write-ahead log and, in `blocks` below it, of the blocks; created when missing.
    pub dir: PathBuf,
    /// Samples older than this are dropped, and refused on arrival.
    pub retention_ms: i64,
    /// Bytes of blocks and log on disk; the oldest blocks go first, then the oldest segments, together with what memory
    /// holds of their time.
    pub max_bytes: u64,
    pub segment_bytes: u64,
    /// A sample may be this much older than the newest one of its series.
    pub out_of_order_ms: i64,
    /// Blocks on disk begin and end at multiples of this; memory holds between a half and one and a half of it.
    pub block_ms: i64,
    /// Blocks are merged up to this length, but never beyond a third of the retention.
    pub max_block_ms: i64,
    /// Memory for parts of blocks that were read lately.
    pub block_cache_bytes: usize,
    /// What this store may hold in memory, in series, points and parts of blocks.
    pub budget: Arc<MemoryBudget>,
    /// Where queries count the samples that they hold.
    pub query_budget: Arc<MemoryBudget>,
    /// For want of memory, everything goes into blocks no more often than this: blocks of one window are merged only when it
    /// is over. Between, writes that find no room are refused.
    pub min_flush_ms: u64,
    /// When a write is acknowledged.
    pub sync: SyncPolicy,
    pub probe: Arc<dyn BlockProbe>,
    pub limits: TsdbLimits,
    pub clock: Clock,
    /// What ages are counted from.
    pub retention_clock: Arc<RetentionClock>,
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
    /// Exemplars of all series together; the oldest go first.
    pub max_exemplars: usize,
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
            max_exemplars: 20_000,
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
            block_ms: 2 * 3_600_000,
            max_block_ms: 24 * 3_600_000,
            block_cache_bytes: 16 << 20,
            budget: MemoryBudget::new(u64::MAX),
            query_budget: MemoryBudget::new(u64::MAX),
            min_flush_ms: 60_000,
            sync: SyncPolicy::default(),
            probe: Arc::new(Unprobed),
            limits: TsdbLimits::default(),
            clock: Arc::new(console_model::clock::now_ms),
            retention_clock: Arc::new(RetentionClock::wall()),
        }
    }
}
