//! Parts of lines on disk: blocks of rows, their filters, and an index of streams. The bytes are documented in
//! `src/FORMAT.md`, the envelope in `console_blockkit::part`.

mod index;
mod read;
mod write;

pub use index::{BlockInfo, Index, Run};
pub use read::{Caches, LogPart};
pub use write::PartBuilder;

use console_blockkit::part::PartFormat;

pub const FORMAT: PartFormat = PartFormat { magic: *b"QDLOG\0\0\x01", what: "lines" };
