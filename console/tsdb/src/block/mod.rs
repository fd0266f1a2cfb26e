//! Immutable blocks of samples on disk.
//!
//! What holds: a block is either whole under its final name or not there; what is read from it has passed its checksum;
//! damage costs that block and nothing else. The bytes are documented in `FORMAT.md` beside this file.
//!
//! What it deliberately does not do: delete single series or samples. Blocks go as a whole.

mod cache;
mod columns;
mod file;
mod folder;
mod index;
mod merge;
mod probe;
mod write;

pub use cache::BlockCache;
pub use file::Block;
pub use folder::{BlockFolder, Opened};
pub use index::Index;
pub use merge::merge;
pub use probe::{BlockProbe, BlockStep, Unprobed};
pub use write::{BlockMeta, write_block};

use console_blockkit::{SegmentId, record::RecordError};

pub(crate) const MAGIC: [u8; 8] = *b"QDBLK\0\0\x01";
pub(crate) const END: [u8; 8] = *b"QDBLKEND";

/// Every sample before `before_ms` that log segments before `segment` hold is in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub segment: SegmentId,
    pub before_ms: i64,
}

impl Mark {
    pub fn covers(&self, segment: SegmentId, t_ms: i64) -> bool {
        segment < self.segment && t_ms < self.before_ms
    }

    fn implies(&self, other: &Self) -> bool {
        self.segment >= other.segment && self.before_ms >= other.before_ms
    }

    /// Adds a mark and drops those that say nothing more.
    pub fn add(marks: &mut Vec<Self>, mark: Self) {
        if !marks.iter().any(|m| m.implies(&mark)) {
            marks.retain(|m| !mark.implies(m));
            marks.push(mark);
        }
    }
}

/// Why a block cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    #[error("block is damaged: {0}")]
    Damaged(&'static str),
    #[error("block is damaged")]
    Record(#[from] RecordError),
    #[error("cannot {action} block")]
    Io { action: &'static str, source: std::io::Error },
    #[error("cannot compress samples: {0}")]
    Compress(String),
}

impl BlockError {
    /// Whether the bytes are wrong, as opposed to out of reach.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Record(_))
    }

    /// With its cause, for who sees only text.
    pub(crate) fn chain(&self) -> String {
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{self}{cause}")
    }
}

pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> BlockError {
    move |source| match source.kind() {
        std::io::ErrorKind::UnexpectedEof => BlockError::Damaged("file ends early"),
        _ => BlockError::Io { action, source },
    }
}
