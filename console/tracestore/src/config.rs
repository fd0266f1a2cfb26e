//! Limits of the store.

use std::{path::PathBuf, sync::Arc};

use console_blockkit::{
    MemoryBudget, RetentionClock, SyncPolicy,
    part::{PartProbe, Unprobed},
};

/// Milliseconds since the Unix epoch; tests pass their own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

#[derive(Clone)]
pub struct TraceStoreConfig {
    /// Folder of the write-ahead log; parts lie in `parts` below it. Created when missing.
    pub dir: PathBuf,
    /// Traces whose last span is older are dropped.
    pub retention_ms: i64,
    /// Bytes of parts and log on disk; the oldest parts go first.
    pub max_bytes: u64,
    /// Bytes of spans in memory. From half of it on they are written to a part; at all of it pushes wait, then are refused.
    pub max_head_bytes: usize,
    /// Decoded columns kept for the next search.
    pub cache_bytes: usize,
    /// What this store may hold in memory, in spans and columns.
    pub budget: Arc<MemoryBudget>,
    /// When a push is acknowledged.
    pub sync: SyncPolicy,
    /// A trace to which nothing came for so long is written first.
    pub idle_ms: i64,
    /// A trace is written after so long, however little there is.
    pub max_age_ms: i64,
    /// How long a push waits for room in memory before it is told to come again.
    pub max_wait_ms: u64,
    /// A part made of others is no larger.
    pub max_part_bytes: u64,
    pub segment_bytes: u64,
    /// Spans that start later than this after now are refused.
    pub max_future_ms: i64,
    /// One span, encoded.
    pub max_span_bytes: usize,
    /// Spans a trace; later ones are refused.
    pub max_spans_per_trace: usize,
    /// Whether a thread writes and merges parts; without it the caller of `maintain` does, and a push that finds no room.
    pub background: bool,
    pub clock: Clock,
    /// What ages are counted from.
    pub retention_clock: Arc<RetentionClock>,
    /// Sees every step that changes the disk.
    pub probe: Arc<dyn PartProbe>,
}

impl TraceStoreConfig {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            retention_ms: 7 * 24 * 3_600_000,
            max_bytes: 4 << 30,
            max_head_bytes: 32 << 20,
            cache_bytes: 32 << 20,
            budget: MemoryBudget::new(96 << 20),
            sync: SyncPolicy::default(),
            idle_ms: 30_000,
            max_age_ms: 600_000,
            max_wait_ms: 2_000,
            max_part_bytes: 256 << 20,
            segment_bytes: 8 << 20,
            max_future_ms: 600_000,
            max_span_bytes: 256 << 10,
            max_spans_per_trace: 10_000,
            background: true,
            clock: Arc::new(console_model::clock::now_ms),
            retention_clock: Arc::new(RetentionClock::wall()),
            probe: Arc::new(Unprobed),
        }
    }
}
