//! Parts: spans on disk, in row groups of columns. `FORMAT.md` beside this file says byte by byte what they hold.

pub mod bloom;
mod build;
mod column;
mod filter;
mod full;
mod group;
mod meta;
mod open;
mod sets;

use console_blockkit::part::PartFormat;

pub use build::PartBuilder;
pub use column::TextColumn;
pub use filter::group_hits;
pub use full::FullGroup;
pub use meta::{Directory, GroupMeta};
pub use open::{AttributeColumn, Cache, OpenPart, Piece, TraceRow};

pub const FORMAT: PartFormat = PartFormat { magic: *b"QDTRACE\x01", what: "spans" };

/// A row group is closed at the end of the trace that reaches this many rows,
pub const GROUP_ROWS: usize = 4096;
/// or about this many bytes,
pub const GROUP_BYTES: usize = 4 << 20;
/// and within a trace at so many rows, or twice the bytes.
pub const MAX_GROUP_ROWS: usize = 16_384;
/// Attribute columns of a group; attributes beyond share one column.
pub const MAX_COLUMNS: usize = 512;

/// Columns that every group has, by their place among its sections.
pub mod fixed {
    pub const TRACES: usize = 0;
    pub const SPAN_IDS: usize = 1;
    pub const PARENTS: usize = 2;
    pub const STARTS: usize = 3;
    pub const DURATIONS: usize = 4;
    pub const FLAGS: usize = 5;
    pub const SERVICE: usize = 6;
    pub const NAME: usize = 7;
    pub const MESSAGE: usize = 8;
    pub const RESOURCE: usize = 9;
    pub const SCOPE: usize = 10;
    pub const SHAPE: usize = 11;
    pub const OVERFLOW: usize = 12;
    pub const EVENTS: usize = 13;
    pub const LINKS: usize = 14;
    pub const BLOOM: usize = 15;
    pub const COUNT: usize = 16;
}
