//! Logs port of an embedded store.

use std::ops::ControlFlow;

use console_model::{
    Labels, Matcher, TimeRange,
    log::{Direction, LogEntry, LogStream},
};

use crate::{AppendError, StorageError, metrics::AppendOutcome};

/// Reads entries. `start_ns <= t < end_ns` throughout.
pub trait LogReader: Send + Sync {
    /// Visits the entries of matching streams in order of time, over all streams, until the visitor breaks.
    /// `line_hints` are substrings that every wanted line contains: a store may use them to skip blocks, and may
    /// ignore them. Returns the bytes of lines visited.
    fn scan(
        &self,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
        direction: Direction,
        line_hints: &[String],
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<u64, StorageError>;

    /// Stream label sets with entries in the range, ordered.
    fn streams(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, StorageError>;

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, StorageError>;

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, StorageError>;

    /// Entries as they are accepted, from now on. A reader that falls behind loses the oldest and is told how many
    /// (`tokio::sync::broadcast` semantics).
    fn subscribe(&self) -> tokio::sync::broadcast::Receiver<std::sync::Arc<LogStream>>;
}

/// Writes entries. When a call returns `Ok`, what it accepted survives `kill -9`.
pub trait LogAppender: Send + Sync {
    /// Accepts what it can; `Err` only where nothing was stored. `Ok` with `rejected > 0` comes with the first reason.
    fn append(&self, streams: Vec<LogStream>) -> Result<(AppendOutcome, Option<AppendError>), AppendError>;
}
