//! Entries of many streams in one order of time. Blocks are decoded when the merge reaches them, and freed behind it.

use std::{cmp::Reverse, collections::BinaryHeap, ops::ControlFlow};

use console_model::{
    Labels,
    log::{Direction, LogEntry},
};
use console_storage::StorageError;

use crate::block::Block;

/// A run of one stream's entries, sorted by time.
pub enum Run {
    Block(Block),
    Entries(Vec<LogEntry>),
}

/// The runs of one stream, oldest first.
pub struct Source {
    pub labels: Labels,
    pub runs: Vec<Run>,
}

pub struct Merge<'a> {
    pub start_ns: i64,
    pub end_ns: i64,
    pub direction: Direction,
    pub line_hints: &'a [String],
}

/// Entries still to come from one run, the next one last.
struct Cursor {
    rest: Vec<LogEntry>,
}

impl Merge<'_> {
    /// Time as a key that grows in the direction of the scan.
    fn key(&self, t_ns: i64) -> i64 {
        match self.direction {
            Direction::Forward => t_ns,
            Direction::Backward => !t_ns,
        }
    }

    /// Visits all entries until the visitor breaks; answers the bytes of lines visited.
    pub fn run(
        &self,
        sources: Vec<Source>,
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<u64, StorageError> {
        // (key, source, run): ties go to the first stream; within a stream, to the run that comes first in this direction.
        let mut heap = BinaryHeap::new();
        let mut labels = Vec::with_capacity(sources.len());
        let mut closed: Vec<Vec<Option<Run>>> = Vec::with_capacity(sources.len());
        let mut open: Vec<Vec<Option<Cursor>>> = Vec::with_capacity(sources.len());
        for (s, source) in sources.into_iter().enumerate() {
            let mut runs: Vec<Option<Run>> = source.runs.into_iter().map(Some).collect();
            if self.direction == Direction::Backward {
                runs.reverse();
            }
            for (r, run) in runs.iter().flatten().enumerate() {
                heap.extend(self.first_key(run).map(|key| Reverse((key, s, r))));
            }
            open.push(runs.iter().map(|_| None).collect());
            closed.push(runs);
            labels.push(source.labels);
        }
        let mut bytes = 0;
        while let Some(Reverse((_, s, r))) = heap.pop() {
            if let Some(run) = closed[s][r].take() {
                // First visit: the key was only a bound. Decode and queue again under the true key.
                let cursor = self.open(run)?;
                heap.extend(cursor.rest.last().map(|e| Reverse((self.key(e.t_ns), s, r))));
                open[s][r] = Some(cursor);
                continue;
            }
            let Some(cursor) = &mut open[s][r] else { continue };
            let Some(entry) = cursor.rest.pop() else { continue };
            match cursor.rest.last() {
                Some(next) => heap.push(Reverse((self.key(next.t_ns), s, r))),
                None => open[s][r] = None,
            }
            bytes += entry.line.len() as u64;
            if visit(&labels[s], &entry).is_break() {
                break;
            }
        }
        Ok(bytes)
    }

    fn first_key(&self, run: &Run) -> Option<i64> {
        let (first, last) = match run {
            Run::Block(b) => (b.first_ns, b.last_ns),
            Run::Entries(e) => (e.first()?.t_ns, e.last()?.t_ns),
        };
        Some(match self.direction {
            Direction::Forward => first.max(self.start_ns),
            Direction::Backward => !last.min(self.end_ns.saturating_sub(1)),
        })
    }

    fn open(&self, run: Run) -> Result<Cursor, StorageError> {
        let mut entries = match run {
            Run::Block(b) => b.read(self.line_hints).map_err(|e| StorageError::Storage(e.to_string()))?,
            Run::Entries(e) => e,
        };
        entries.truncate(entries.partition_point(|e| e.t_ns < self.end_ns));
        entries.drain(..entries.partition_point(|e| e.t_ns < self.start_ns));
        if self.direction == Direction::Forward {
            entries.reverse();
        }
        Ok(Cursor { rest: entries })
    }
}
