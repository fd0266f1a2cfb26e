//! The embedded store of metrics: an in-memory head of compressed chunks behind a write-ahead log.
//!
//! What holds:
//! - When [`Tsdb::append`](console_storage::metrics::SampleAppender::append) returns `Ok`, what it accepted is in the
//!   kernel (it survives `kill -9`); [`Tsdb::sync`] puts it on the disk.
//! - A series never holds two samples of one timestamp. The same value again is accepted and ignored, another value is
//!   refused.
//! - Staleness markers are samples like any other, bit by bit.
//! - Everything has a limit, and what is refused names it.
//! - Reading copies compressed chunks under a shared lock and decodes them outside it.
//!
//! What it deliberately does not do yet: blocks on disk, exemplars, native histograms.
//!
//! The log's bytes are documented in [`record`], the chunks' in [`chunk`]. Each log segment declares every series that
//! it mentions, so that any prefix of segments can be deleted (retention by age and by bytes) without a checkpoint.

pub mod chunk;
mod config;
mod head;
mod index;
mod limits;
mod matching;
mod read;
pub mod record;
mod series;
mod store;

pub use config::{Clock, TsdbConfig, TsdbLimits};
pub use store::{OpenError, Tsdb, TsdbStats};
