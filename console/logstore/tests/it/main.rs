mod age;
mod concurrency;
mod crash;
mod damage;
mod full;
mod model;
mod steps;
mod store;
mod versions;

use std::{fs, ops::ControlFlow, path::Path, path::PathBuf, sync::Arc};

use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels,
    log::{Direction, LogEntry, LogStream},
};
use console_storage::logs::LogReader as _;

/// Tests live at this time.
pub const NOW_MS: i64 = 1_700_000_000_000;
pub const NOW_NS: i64 = NOW_MS * 1_000_000;
pub const DAY_NS: i64 = 24 * 3_600_000_000_000;

pub fn config(dir: &Path) -> LogStoreConfig {
    LogStoreConfig { clock: Arc::new(|| NOW_MS), min_free_bytes: 0, ..LogStoreConfig::new(dir) }
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

/// All lines of the last week, oldest first.
pub fn everything(store: &LogStore) -> Vec<String> {
    let mut out = Vec::new();
    store
        .scan(&[], NOW_NS - 8 * DAY_NS, NOW_NS + DAY_NS, Direction::Forward, &[], &mut |_, e| {
            out.push(e.line.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
    out
}

/// A sequence without end that is the same in every run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Files below a folder with this extension, by name.
pub fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Copies a folder of a store.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
