//! Logs port of an embedded store.

use std::{collections::BTreeMap, ops::ControlFlow};

use console_model::{
    Labels, Matcher, TimeRange,
    log::{Direction, LogEntry, LogStream},
};

use crate::{AppendError, StorageError, metrics::AppendOutcome};

/// An entry where it lies in a store's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRef<'a> {
    /// Nanoseconds since the Unix epoch.
    pub t_ns: i64,
    pub line: &'a str,
    /// Structured metadata, sorted by name.
    pub metadata: &'a [(&'a str, &'a str)],
}

/// Sees a run of entries of one stream.
pub type LineVisitor<'a> = dyn Fn(&Labels, &[LineRef<'_>]) -> ControlFlow<()> + Sync + 'a;

/// Windows of time side by side: number `i` is `start_ns + i * step_ns <= t < start_ns + (i + 1) * step_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    pub start_ns: i64,
    /// At least 1.
    pub step_ns: i64,
    pub count: usize,
}

impl Windows {
    /// Which window a time is in.
    pub fn place(&self, t_ns: i64) -> Option<usize> {
        let offset = t_ns.checked_sub(self.start_ns).filter(|d| *d >= 0)?;
        let place = usize::try_from(offset / self.step_ns.max(1)).ok()?;
        (place < self.count).then_some(place)
    }

    /// Where the last window ends.
    pub fn end_ns(&self) -> i64 {
        let count = i64::try_from(self.count).unwrap_or(i64::MAX);
        self.start_ns.saturating_add(self.step_ns.max(1).saturating_mul(count))
    }
}

/// What a stream holds, a window each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamVolumes {
    pub labels: Labels,
    pub entries: Vec<u64>,
    /// Bytes of lines.
    pub bytes: Vec<u64>,
    /// Whether an entry may have structured metadata, and so labels that the stream does not have.
    pub may_have_metadata: bool,
}

impl StreamVolumes {
    /// Nothing in so many windows.
    pub fn none(labels: Labels, windows: usize) -> Self {
        Self { labels, entries: vec![0; windows], bytes: vec![0; windows], may_have_metadata: false }
    }
}

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

    /// As [`LogReader::scan`], but in no order and, where a store can, from several threads at once: for what only counts.
    /// Visits runs of entries of one stream. After a break no thread begins another run.
    fn scan_unordered(
        &self,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
        line_hints: &[String],
        visit: &LineVisitor<'_>,
    ) -> Result<u64, StorageError> {
        self.scan(matchers, start_ns, end_ns, Direction::Forward, line_hints, &mut |labels, entry| {
            let metadata: Vec<_> = entry.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            visit(labels, &[LineRef { t_ns: entry.t_ns, line: &entry.line, metadata: &metadata }])
        })
    }

    /// Entries and bytes of matching streams by window, of streams with any, ordered by labels. A store answers from what it
    /// knows of its blocks and reads lines only where a window cuts one.
    fn volumes(&self, matchers: &[Matcher], windows: Windows) -> Result<Vec<StreamVolumes>, StorageError> {
        let mut found: BTreeMap<Labels, StreamVolumes> = BTreeMap::new();
        let (start, end) = (windows.start_ns, windows.end_ns());
        self.scan(matchers, start, end, Direction::Forward, &[], &mut |labels, entry| {
            if !found.contains_key(labels) {
                found.insert(labels.clone(), StreamVolumes::none(labels.clone(), windows.count));
            }
            if let (Some(place), Some(volumes)) = (windows.place(entry.t_ns), found.get_mut(labels)) {
                volumes.entries[place] += 1;
                volumes.bytes[place] += entry.line.len() as u64;
                volumes.may_have_metadata |= !entry.metadata.is_empty();
            }
            ControlFlow::Continue(())
        })?;
        Ok(found.into_values().collect())
    }

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
    /// Accepts what it can; `Err` only where nothing was stored, or nothing is certain to stay. `Ok` with `rejected > 0`
    /// comes with the first reason.
    fn append(&self, streams: Vec<LogStream>) -> Result<(AppendOutcome, Option<AppendError>), AppendError>;

    /// Why an entry would be refused now, as far as that can be told from itself and its labels: an append judges again. A
    /// store that cannot tell refuses nothing here.
    fn check(&self, _labels: &Labels, _entry: &LogEntry) -> Result<(), AppendError> {
        Ok(())
    }
}
