//! The embedded stores.

use std::{path::Path, sync::Arc, time::UNIX_EPOCH};

use console_blockkit::{MemoryBudget, MemoryPool, Overcommitted, RetentionClock, SyncPolicy};
use console_logstore::{LogStore, LogStoreConfig};
use console_tracestore::{TraceStore, TraceStoreConfig};
use console_tsdb::{Tsdb, TsdbConfig};

use crate::config::StoresConfig;

/// How long metrics are kept where nothing else is said, and in how much of the disk.
const METRICS_RETENTION_MS: i64 = 3 * 24 * 3_600_000;
const METRICS_MAX_BYTES: u64 = 2 << 30;

/// Each store always has this part of the memory of all, and queries have: whoever needs it may take the rest.
const SHARES: u64 = 8;

/// How long metrics are kept.
pub fn metrics_retention_ms(config: StoresConfig) -> i64 {
    config.metrics.retention_ms(METRICS_RETENTION_MS)
}

/// When a file of a store last changed: what the clock at start is compared with.
fn last_written_ms(data_dir: &Path) -> Option<i64> {
    let files = ["metrics", "logs", "traces"].map(|store| std::fs::read_dir(data_dir.join(store)).ok());
    let changed =
        files.into_iter().flatten().flatten().filter_map(|file| file.ok()?.metadata().ok()?.modified().ok());
    let since_epoch = changed.max()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since_epoch.as_millis()).ok()
}

/// All three, open. Cheap to clone.
#[derive(Clone)]
pub struct Stores {
    pub metrics: Arc<Tsdb>,
    pub logs: Arc<LogStore>,
    pub traces: Arc<TraceStore>,
    pub memory: StoresMemory,
}

/// What the stores may hold in memory, heads and caches, and queries of metrics: a part of it each, and the rest for whoever
/// needs it.
#[derive(Clone)]
pub struct StoresMemory {
    pub pool: Arc<MemoryPool>,
    pub metrics: Arc<MemoryBudget>,
    pub logs: Arc<MemoryBudget>,
    pub traces: Arc<MemoryBudget>,
    /// Of samples that PromQL holds.
    pub queries: Arc<MemoryBudget>,
}

impl StoresMemory {
    pub fn new(limit_bytes: u64) -> Result<Self, Overcommitted> {
        let pool = MemoryPool::new(limit_bytes);
        let share = || pool.share(limit_bytes / SHARES);
        let (metrics, logs, traces, queries) = (share()?, share()?, share()?, share()?);
        Ok(Self { pool, metrics, logs, traces, queries })
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    #[error("metrics store")]
    Metrics(#[from] console_tsdb::OpenError),
    #[error("log store")]
    Logs(#[from] console_logstore::OpenError),
    #[error("trace store")]
    Traces(#[from] console_tracestore::OpenError),
    #[error("memory of the stores")]
    Memory(#[from] Overcommitted),
}

impl Stores {
    /// Opens and replays all logs below `data_dir`, side by side.
    pub fn open(data_dir: &Path, config: StoresConfig) -> Result<Self, StoresError> {
        let mut metrics = TsdbConfig::new(data_dir.join("metrics"));
        metrics.retention_ms = metrics_retention_ms(config);
        metrics.max_bytes = config.metrics.max_bytes(METRICS_MAX_BYTES);
        let mut logs = LogStoreConfig::new(data_dir.join("logs"));
        logs.retention_ms = config.logs.retention_ms(logs.retention_ms);
        logs.max_bytes = config.logs.max_bytes(logs.max_bytes);
        let mut traces = TraceStoreConfig::new(data_dir.join("traces"));
        traces.retention_ms = config.traces.retention_ms(traces.retention_ms);
        traces.max_bytes = config.traces.max_bytes(traces.max_bytes);
        let memory = StoresMemory::new(config.memory_bytes())?;
        metrics.budget = Arc::clone(&memory.metrics);
        metrics.query_budget = Arc::clone(&memory.queries);
        logs.budget = Arc::clone(&memory.logs);
        traces.budget = Arc::clone(&memory.traces);
        metrics.sync = SyncPolicy::of(config.metrics.sync_mode(config.sync));
        logs.sync = SyncPolicy::of(config.logs.sync_mode(config.sync));
        traces.sync = SyncPolicy::of(config.traces.sync_mode(config.sync));
        let shortest_ms = metrics.retention_ms.min(logs.retention_ms).min(traces.retention_ms);
        let clock = Arc::new(RetentionClock::guarded(shortest_ms / 2, last_written_ms(data_dir)));
        metrics.retention_clock = Arc::clone(&clock);
        logs.retention_clock = Arc::clone(&clock);
        traces.retention_clock = clock;
        std::thread::scope(|scope| {
            let logs = scope.spawn(|| LogStore::open(logs));
            let traces = scope.spawn(|| TraceStore::open(traces));
            let metrics = Tsdb::open(metrics);
            let logs = logs.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let traces = traces.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let (metrics, logs, traces) = (Arc::new(metrics?), Arc::new(logs?), Arc::new(traces?));
            Ok(Self { metrics, logs, traces, memory })
        })
    }

    /// Retention by age and by bytes.
    pub fn maintain(&self, now_ms: i64) {
        self.metrics.maintain(now_ms);
        self.logs.maintain(now_ms);
        self.traces.maintain(now_ms);
    }

    /// Puts what was accepted onto the disk itself.
    pub fn sync(&self) {
        let log = |store: &str, error: &dyn std::fmt::Display| {
            tracing::error!(store, %error, "accepted telemetry could not be synced to disk");
        };
        if let Err(e) = self.metrics.sync() {
            log("metrics", &e);
        }
        if let Err(e) = self.logs.sync() {
            log("logs", &e);
        }
        if let Err(e) = self.traces.sync() {
            log("traces", &e);
        }
    }
}
