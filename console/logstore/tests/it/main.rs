mod crash;
mod store;

use std::{path::Path, sync::Arc};

use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels,
    log::{LogEntry, LogStream},
};

/// Tests live at this time.
pub const NOW_MS: i64 = 1_700_000_000_000;
pub const NOW_NS: i64 = NOW_MS * 1_000_000;

pub fn config(dir: &Path) -> LogStoreConfig {
    LogStoreConfig { clock: Arc::new(|| NOW_MS), ..LogStoreConfig::new(dir) }
}

pub fn open(dir: &Path) -> LogStore {
    LogStore::open(config(dir)).unwrap()
}

/// Lines at milliseconds before now.
pub fn stream(service: &str, lines: &[(i64, &str)]) -> LogStream {
    LogStream {
        labels: Labels::from_pairs([("service_name", service), ("level", "info")]),
        entries: lines
            .iter()
            .map(|(age_ms, line)| LogEntry {
                t_ns: NOW_NS - age_ms * 1_000_000,
                line: (*line).to_owned(),
                metadata: vec![],
            })
            .collect(),
    }
}
