//! A store of lines that can be told to be busy, and one that counts what it is handed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use console_ingest::{Ingest, IngestDeps, IngestLimits};
use console_model::{
    Labels,
    log::{LogEntry, LogStream},
};
use console_storage::{AppendError, logs::LogAppender, metrics::AppendOutcome};
use prometheus::Registry;

use crate::harness::Harness;

/// Hands lines to a store unless it is told to be busy.
pub struct Watched {
    pub store: Arc<dyn LogAppender>,
    pub is_busy: AtomicBool,
    /// Entries that were handed to it, each time they were.
    pub entries: AtomicU64,
    pub appends: AtomicU64,
}

impl LogAppender for Watched {
    fn append(&self, streams: Vec<LogStream>) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        let entries: usize = streams.iter().map(|s| s.entries.len()).sum();
        self.entries.fetch_add(entries as u64, Ordering::Relaxed);
        self.appends.fetch_add(1, Ordering::Relaxed);
        if self.is_busy.load(Ordering::Relaxed) {
            return Err(AppendError::Busy { reason: "told to be busy".to_owned(), retry_after_s: 1 });
        }
        self.store.append(streams)
    }

    fn check(&self, labels: &Labels, entry: &LogEntry) -> Result<(), AppendError> {
        self.store.check(labels, entry)
    }
}

/// Ingest over the harness' stores, with its lines watched.
pub fn watched(harness: &Harness) -> (Arc<Watched>, Ingest) {
    let logs = Arc::new(Watched {
        store: harness.logs.clone(),
        is_busy: AtomicBool::new(false),
        entries: AtomicU64::new(0),
        appends: AtomicU64::new(0),
    });
    let ingest = Ingest::new(IngestDeps {
        spans: harness.spans.clone(),
        logs: logs.clone(),
        samples: harness.samples.clone(),
        registry: &Registry::new(),
        tokens: Vec::new(),
        limits: IngestLimits::default(),
    });
    (logs, ingest.unwrap())
}
