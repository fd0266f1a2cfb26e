//! The embedded store of spans.
//!
//! An accepted push is a record of the write-ahead log ([`codec`]) before it is visible; the same bytes are what memory holds of
//! it. A thread writes traces that wait for nothing more to immutable parts on disk, row groups of columns, and the log forgets
//! them. What holds: an acknowledged span survives `kill -9` and is answered once; a search decodes only the columns that its
//! conditions name, of groups whose statistics and filters do not rule them out; memory is bounded by configuration, not by
//! what is stored; damage costs one part.
//!
//! Deliberately not here: query evaluation (`console-traceql`), span metrics.

mod attributes;
pub mod codec;
mod condition;
pub mod config;
mod head;
mod maintain;
mod part;
mod screen;
mod search;
mod settle;
mod state;
mod store;
mod tags;
mod value;
mod write;

pub use config::TraceStoreConfig;
pub use store::{OpenError, TraceStore, TraceStoreStats};
