mod corpus;
mod damaged;
mod naive;
mod queries;

use std::sync::Arc;

use console_logql::{LogqlConfig, LogqlSource};
use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels,
    log::{LogEntry, LogStream},
};
use console_storage::logs::LogAppender;

/// Tests count time from here.
pub const EPOCH_MS: i64 = 1_700_000_000_000;
pub const EPOCH_NS: i64 = EPOCH_MS * 1_000_000;

/// A store and a source over it.
pub struct Bench {
    pub store: Arc<LogStore>,
    pub source: LogqlSource,
    _dir: tempfile::TempDir,
}

impl Bench {
    pub fn new(config: LogqlConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store =
            LogStoreConfig { clock: Arc::new(|| EPOCH_MS + 3_600_000), ..LogStoreConfig::new(dir.path()) };
        let store = Arc::new(LogStore::open(store).unwrap());
        let reader: Arc<dyn console_storage::logs::LogReader> = store.clone();
        Self { source: LogqlSource::new(reader, config), store, _dir: dir }
    }

    /// A line at seconds after the epoch.
    pub fn line(&self, labels: &[(&str, &str)], t_s: i64, line: &str, metadata: &[(&str, &str)]) {
        let owned = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        let entry = LogEntry {
            t_ns: EPOCH_NS + t_s * 1_000_000_000,
            line: line.to_owned(),
            metadata: metadata.iter().map(owned).collect(),
        };
        let stream = LogStream { labels: Labels::from_pairs(labels.iter().copied()), entries: vec![entry] };
        assert_eq!(self.store.append(vec![stream]).unwrap().0.accepted, 1);
    }
}
