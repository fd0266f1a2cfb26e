//! The embedded store of metrics: the recent past in memory behind a write-ahead log, the rest in immutable blocks.
//!
//! What holds:
//! - When [`Tsdb::append`](console_storage::metrics::SampleAppender::append) returns `Ok`, what it accepted is in the
//!   kernel (it survives `kill -9`); [`Tsdb::sync`] puts it on the disk, and with
//!   [`SyncMode::Always`](console_blockkit::SyncMode) it is there before.
//! - A series never holds two samples of one timestamp. The same value again is accepted and ignored, another value is
//!   refused.
//! - Staleness markers are samples like any other, bit by bit.
//! - Everything has a limit, and what is refused names it.
//! - What a block holds leaves memory and, once a log segment holds nothing else, the log; a crash in between neither
//!   loses nor doubles a sample.
//! - Reading copies compressed chunks under a shared lock and decodes them outside it.
//! - Exemplars live in memory and in the log only: what a block holds has lost them.
//!
//! The log's bytes are documented in [`record`] (`record/FORMAT.md`), the chunks' in [`chunk`], the blocks' in
//! `block/FORMAT.md`. Each log segment declares every series that
//! it mentions, so that any prefix of segments can be deleted (retention by age and by bytes) without a checkpoint.

mod append;
pub mod block;
mod cardinality;
pub mod chunk;
mod config;
mod declared;
mod exemplars;
mod explosion;
mod fill;
mod flush;
mod head;
mod index;
mod limits;
mod matching;
mod memory;
mod pieces;
mod read;
pub mod record;
mod replay;
mod retention;
mod selection;
mod series;
mod settle;
mod shard;
mod slab;
mod store;
mod track;
mod writer;

pub use config::{Clock, TsdbConfig, TsdbLimits};
pub use store::{OpenError, Tsdb, TsdbStats};
