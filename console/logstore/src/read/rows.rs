//! A run of one stream's rows, in memory or in a part.

use std::{collections::HashSet, ops::Range, sync::Arc};

use console_blockkit::part::PartError;
use parking_lot::Mutex;

use crate::{
    block::{BlockRows, Times},
    bloom::Needle,
    head::{HeadRun, pairs, row_hash},
    part::{BlockInfo, Caches, Index, LogPart, Run},
};

/// What all of one reading have in common.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// `start_ns <= t < end_ns`.
    pub start_ns: i64,
    pub end_ns: i64,
    /// Every wanted line contains all of these.
    pub needles: &'a [Needle],
    pub caches: &'a Caches,
    /// Blocks that several streams share and that have no wanted line: part and block.
    pub absent: &'a Absent,
}

pub type Absent = Mutex<HashSet<(u64, u32)>>;

/// A run that is not decoded yet.
pub enum Source {
    /// Not empty.
    Head(Arc<HeadRun>),
    Stored {
        part: Arc<LogPart>,
        index: Arc<Index>,
        run: Run,
    },
}

/// A decoded run, in order of time.
#[derive(Clone)]
pub enum Rows {
    Head(Arc<HeadRun>),
    Block { block: Arc<BlockRows>, first: usize, len: usize },
}

/// Times and lengths of a run, in order of time.
pub enum RunTimes {
    Head(Arc<HeadRun>),
    Block { times: Arc<Times>, first: usize, len: usize },
}

impl RunTimes {
    pub fn len(&self) -> usize {
        match self {
            Self::Head(run) => run.len(),
            Self::Block { len, .. } => *len,
        }
    }

    pub fn t_ns(&self, row: usize) -> i64 {
        match self {
            Self::Head(run) => run.t_ns(row),
            Self::Block { times, first, .. } => times.times[first + row],
        }
    }

    /// Bytes of the lines of some rows.
    pub fn bytes(&self, rows: Range<usize>) -> usize {
        match self {
            Self::Head(run) => rows.map(|row| run.entry(row).line.len()).sum(),
            Self::Block { times, first, .. } => times.bytes(first + rows.start..first + rows.end),
        }
    }

    /// The first row from `from` on that is at this time or later.
    pub fn seek(&self, from: usize, t_ns: i64) -> usize {
        let (mut low, mut high) = (from, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.t_ns(middle) < t_ns { low = middle + 1 } else { high = middle }
        }
        low
    }
}

impl Source {
    pub fn first_ns(&self) -> i64 {
        match self {
            Self::Head(run) => run.t_ns(0),
            Self::Stored { run, .. } => run.first_ns,
        }
    }

    pub fn last_ns(&self) -> i64 {
        match self {
            Self::Head(run) => run.t_ns(run.len() - 1),
            Self::Stored { run, .. } => run.last_ns,
        }
    }

    /// Rows and bytes of lines.
    pub fn volume(&self) -> (u64, u64) {
        match self {
            Self::Head(run) => (run.len() as u64, run.bytes),
            Self::Stored { run, .. } => (u64::from(run.rows), run.bytes),
        }
    }

    /// Whether a row may have structured metadata.
    pub fn may_have_metadata(&self) -> Result<bool, PartError> {
        Ok(match self {
            Self::Head(run) => (0..run.len()).any(|row| !run.entry(row).metadata.is_empty()),
            Self::Stored { index, run, .. } => info(index, run)?.metadata.length > 0,
        })
    }

    /// The part and block, where it has one.
    pub fn place(&self) -> Option<(u64, u32)> {
        match self {
            Self::Head(_) => None,
            Self::Stored { part, run, .. } => Some((part.part.sequence, run.block)),
        }
    }

    /// Whether both may hold rows of one time, and the same row.
    pub fn may_repeat(&self, other: &Self) -> bool {
        let one_part = |a: (u64, u32), b: (u64, u32)| a.0 == b.0;
        // No part has a row twice.
        !self.place().zip(other.place()).is_some_and(|(a, b)| one_part(a, b))
            && self.first_ns() <= other.last_ns()
            && other.first_ns() <= self.last_ns()
    }

    pub fn times(&self) -> Result<RunTimes, PartError> {
        Ok(match self {
            Self::Head(run) => RunTimes::Head(Arc::clone(run)),
            Self::Stored { part, index, run } => {
                let times = Arc::new(part.times(info(index, run)?)?);
                RunTimes::Block { times, first: run.first_row as usize, len: run.rows as usize }
            }
        })
    }

    /// The run's rows; nothing when no line of its block can be wanted.
    pub fn open(&self, context: &Context<'_>) -> Result<Option<Rows>, PartError> {
        let (part, index, run) = match self {
            Self::Head(run) => return Ok(Some(Rows::Head(Arc::clone(run)))),
            Self::Stored { part, index, run } => (part, index, run),
        };
        let block = open_block(part, index, run, context)?;
        Ok(block.map(|block| Rows::Block { block, first: run.first_row as usize, len: run.rows as usize }))
    }
}

fn info<'i>(index: &'i Index, run: &Run) -> Result<&'i BlockInfo, PartError> {
    index.blocks.get(run.block as usize).ok_or(PartError::Damaged("unknown block"))
}

fn open_block(
    part: &LogPart,
    index: &Index,
    run: &Run,
    context: &Context<'_>,
) -> Result<Option<Arc<BlockRows>>, PartError> {
    let info = info(index, run)?;
    // One that several streams share is soon asked for again.
    let is_shared = run.rows < info.rows;
    let sequence = part.part.sequence;
    // What has no wanted line has none for the others either.
    if is_shared && context.absent.lock().contains(&(sequence, run.block)) {
        return Ok(None);
    }
    let absent = || -> Result<Option<Arc<BlockRows>>, PartError> {
        if is_shared {
            context.absent.lock().insert((sequence, run.block));
        }
        Ok(None)
    };
    if is_shared && let Some(block) = context.caches.block(sequence, run.block) {
        return Ok(Some(block));
    }
    let has_keys = context.needles.iter().any(Needle::has_keys);
    if has_keys && !part.may_contain(run.block, info, context.needles)? {
        return absent();
    }
    let wanted = |text: &str| context.needles.iter().all(|n| n.find(text.as_bytes()).is_some());
    let Some(block) = part.rows(info, wanted)? else { return absent() };
    let block = Arc::new(block);
    if is_shared {
        context.caches.keep(sequence, run.block, &block);
    }
    Ok(Some(block))
}

impl Rows {
    pub fn len(&self) -> usize {
        match self {
            Self::Head(run) => run.len(),
            Self::Block { len, .. } => *len,
        }
    }

    pub fn t_ns(&self, row: usize) -> i64 {
        match self {
            Self::Head(run) => run.t_ns(row),
            Self::Block { block, first, .. } => block.times.times[first + row],
        }
    }

    pub fn line(&self, row: usize) -> &str {
        match self {
            Self::Head(run) => &run.entry(row).line,
            Self::Block { block, first, .. } => block.line(first + row),
        }
    }

    /// Adds the pairs of a row, sorted by name.
    pub fn metadata<'a>(&'a self, row: usize, out: &mut Vec<(&'a str, &'a str)>) {
        match self {
            Self::Head(run) => out.extend(pairs(run.entry(row))),
            Self::Block { block, first, .. } => block.metadata(first + row, out),
        }
    }

    pub fn hash(&self, row: usize) -> u64 {
        let mut metadata = Vec::new();
        self.metadata(row, &mut metadata);
        row_hash(self.t_ns(row), self.line(row), metadata.into_iter())
    }

    /// Whether a row of each is the same.
    pub fn is_same(&self, row: usize, other: &Self, other_row: usize) -> bool {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        self.t_ns(row) == other.t_ns(other_row) && self.line(row) == other.line(other_row) && {
            self.metadata(row, &mut a);
            other.metadata(other_row, &mut b);
            a == b
        }
    }

    /// The rows of the time that is read.
    pub fn range(&self, context: &Context<'_>) -> Range<usize> {
        let seek = |t_ns: i64| {
            let (mut low, mut high) = (0, self.len());
            while low < high {
                let middle = low + (high - low) / 2;
                if self.t_ns(middle) < t_ns { low = middle + 1 } else { high = middle }
            }
            low
        };
        let from = seek(context.start_ns);
        from..seek(context.end_ns).max(from)
    }

    /// Those of the rows whose line has all needles; the needles are some.
    pub fn wanted(&self, rows: Range<usize>, needles: &[Needle]) -> Vec<u32> {
        let Some((longest, others)) = longest(needles) else { return rows.map(|r| r as u32).collect() };
        let has_all = |line: &str| others.clone().all(|n| n.find(line.as_bytes()).is_some());
        let (block, first) = match self {
            Self::Head(_) => {
                let has = |row: &usize| {
                    let line = self.line(*row);
                    longest.find(line.as_bytes()).is_some() && has_all(line)
                };
                return rows.filter(has).map(|r| r as u32).collect();
            }
            Self::Block { block, first, .. } => (block, *first),
        };
        // Through all lines at once.
        let (begin, text) = block.text(first + rows.start..first + rows.end);
        let (mut at, mut found) = (0, Vec::new());
        while let Some(place) = text.as_bytes().get(at..).and_then(|rest| longest.find(rest)) {
            let place = begin + at + place;
            let row = block.row_at(place);
            let end = block.line_end(row);
            if place + longest.len() > end {
                // Across the end of a line.
                at = place + 1 - begin;
                continue;
            }
            if has_all(block.line(row)) {
                found.push((row - first) as u32);
            }
            at = end - begin;
        }
        found
    }
}

/// The needle that is rarest by its length, and the others; nothing when all are empty.
fn longest(needles: &[Needle]) -> Option<(&Needle, impl Iterator<Item = &Needle> + Clone)> {
    let (at, longest) =
        needles.iter().enumerate().max_by_key(|(_, n)| n.len()).filter(|(_, n)| n.len() > 0)?;
    Some((longest, needles.iter().enumerate().filter(move |(i, _)| *i != at).map(|(_, n)| n)))
}
