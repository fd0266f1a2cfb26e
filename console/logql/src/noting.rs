//! A reader that notes when the store asks to be read again.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use console_model::{
    Labels, Matcher, TimeRange,
    log::{Direction, LogEntry, LogStream},
};
use console_storage::{
    StorageError,
    logs::{LineVisitor, LogReader, StreamVolumes, Windows},
};
use tokio::sync::broadcast;

pub struct Noting<'a> {
    reader: &'a dyn LogReader,
    again: AtomicBool,
}

impl<'a> Noting<'a> {
    pub fn new(reader: &'a dyn LogReader) -> Self {
        Self { reader, again: AtomicBool::new(false) }
    }

    /// Whether what was read broke off because a part of the store is damaged, which is left out from now on.
    pub fn asks_again(&self) -> bool {
        self.again.load(Ordering::Relaxed)
    }

    fn noted<T>(&self, read: Result<T, StorageError>) -> Result<T, StorageError> {
        if matches!(read, Err(StorageError::ReadAgain)) {
            self.again.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl LogReader for Noting<'_> {
    fn scan(
        &self,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
        direction: Direction,
        line_hints: &[String],
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<u64, StorageError> {
        self.noted(self.reader.scan(matchers, start_ns, end_ns, direction, line_hints, visit))
    }

    fn scan_unordered(
        &self,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
        line_hints: &[String],
        visit: &LineVisitor<'_>,
    ) -> Result<u64, StorageError> {
        self.noted(self.reader.scan_unordered(matchers, start_ns, end_ns, line_hints, visit))
    }

    fn volumes(&self, matchers: &[Matcher], windows: Windows) -> Result<Vec<StreamVolumes>, StorageError> {
        self.noted(self.reader.volumes(matchers, windows))
    }

    fn streams(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, StorageError> {
        self.noted(self.reader.streams(matchers, range, limit))
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, StorageError> {
        self.noted(self.reader.label_names(matchers, range))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, StorageError> {
        self.noted(self.reader.label_values(name, matchers, range))
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<LogStream>> {
        self.reader.subscribe()
    }
}
