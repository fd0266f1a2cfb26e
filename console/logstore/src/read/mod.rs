//! Reading: rows of streams out of memory and parts.

mod cursor;
mod merge;
mod plan;
mod repeated;
mod rows;
mod unordered;
mod volumes;

pub use merge::Merge;
pub use plan::{Plan, StreamRuns, plan};
pub use rows::{Absent, Context, Rows, Source};
pub use unordered::scan_unordered;
pub use volumes::volumes;
