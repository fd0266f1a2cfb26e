//! Immutable parts on disk: what a store writes once, reads by section, and removes as a whole.
//!
//! What holds: a part is either whole under its final name or not there; what is read from it has passed its checksum;
//! damage costs that part and nothing else; bytes of a file never make a reader panic, or allocate more than the file has.
//! The envelope is documented byte by byte in `FORMAT.md` beside this file; sections and the store's own footer are the
//! store's.

mod cache;
mod folder;
mod probe;
mod read;
mod write;

pub use cache::PartCache;
pub use folder::{Opened, PartFolder, free_bytes};
pub use probe::{PartProbe, PartStep, Unprobed};
pub use read::Part;
pub use write::{Filled, PartWriter};

use crate::{
    SegmentId,
    record::{Reader, RecordError, Writer},
};

/// Ends every part.
pub(crate) const END: [u8; 8] = *b"QDPRTEND";

/// Whose parts they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartFormat {
    /// First bytes of the file: the store's name and the version of its sections.
    pub magic: [u8; 8],
    /// What the parts hold, for messages: `lines`, `spans`.
    pub what: &'static str,
}

/// Where bytes of a part lie, and their checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Section {
    pub offset: u64,
    pub length: u64,
    pub crc: u32,
}

impl Section {
    pub fn put(&self, to: &mut Writer) {
        to.uint(self.offset);
        to.uint(self.length);
        to.raw(&self.crc.to_le_bytes());
    }

    pub fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(Self { offset: from.uint()?, length: from.uint()?, crc: u32::from_le_bytes(from.array()?) })
    }
}

/// Everything before `before_ns` that log segments before `segment` hold is in this part or in an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub segment: SegmentId,
    pub before_ns: i64,
}

impl Mark {
    /// Everything that segments before this one hold, whatever its time.
    pub fn all_before(segment: SegmentId) -> Self {
        Self { segment, before_ns: i64::MAX }
    }

    /// The first segment of which parts with these marks do not hold everything.
    pub fn first_kept<'a>(marks: impl Iterator<Item = &'a Self>) -> SegmentId {
        marks.filter(|m| m.before_ns == i64::MAX).map(|m| m.segment).max().unwrap_or_default()
    }

    pub fn covers(&self, segment: SegmentId, t_ns: i64) -> bool {
        segment < self.segment && (t_ns < self.before_ns || self.before_ns == i64::MAX)
    }

    fn implies(&self, other: &Self) -> bool {
        self.segment >= other.segment && self.before_ns >= other.before_ns
    }

    /// Adds a mark and drops those that say nothing more.
    pub fn add(marks: &mut Vec<Self>, mark: Self) {
        if !marks.iter().any(|m| m.implies(&mark)) {
            marks.retain(|m| !mark.implies(m));
            marks.push(mark);
        }
    }
}

/// What every part says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartMeta {
    /// Time of the oldest and of the newest row, nanoseconds since the Unix epoch.
    pub first_t_ns: i64,
    pub last_t_ns: i64,
    /// Lines or spans.
    pub rows: u64,
    pub marks: Vec<Mark>,
    /// Sequences of the parts that this one replaces.
    pub replaces: Vec<u64>,
}

impl PartMeta {
    fn put(&self, to: &mut Writer) {
        to.int(self.first_t_ns);
        to.int(self.last_t_ns);
        to.uint(self.rows);
        to.uint(self.marks.len() as u64);
        for mark in &self.marks {
            to.uint(mark.segment.0);
            to.int(mark.before_ns);
        }
        to.uint(self.replaces.len() as u64);
        self.replaces.iter().for_each(|sequence| to.uint(*sequence));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let (first_t_ns, last_t_ns, rows) = (from.int()?, from.int()?, from.uint()?);
        let n = from.count()?;
        let mark = |from: &mut Reader<'_>| {
            Ok::<_, RecordError>(Mark { segment: SegmentId(from.uint()?), before_ns: from.int()? })
        };
        let marks = (0..n).map(|_| mark(from)).collect::<Result<_, _>>()?;
        let n = from.count()?;
        let replaces = (0..n).map(|_| from.uint()).collect::<Result<_, _>>()?;
        Ok(Self { first_t_ns, last_t_ns, rows, marks, replaces })
    }
}

/// Why a part cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    #[error("part is damaged: {0}")]
    Damaged(&'static str),
    #[error("part is damaged")]
    Record(#[from] RecordError),
    #[error("cannot {action} part")]
    Io { action: &'static str, source: std::io::Error },
    /// What was to be written is over a bound of the format.
    #[error("part would have {0}")]
    TooLarge(&'static str),
    /// Another part that was read for this one is at fault, by its sequence.
    #[error("part {0} was to be read")]
    Source(u64, #[source] Box<PartError>),
}

impl PartError {
    /// Whether the bytes are wrong, as opposed to out of reach.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Record(_))
    }

    /// Whether the disk has no room.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}

pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> PartError {
    move |source| match source.kind() {
        std::io::ErrorKind::UnexpectedEof => PartError::Damaged("file ends early"),
        _ => PartError::Io { action, source },
    }
}

#[cfg(test)]
mod tests;
