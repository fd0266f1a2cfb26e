//! The embedded store of log lines.
//!
//! Every accepted push is one write-ahead record ([`codec`]) before it is visible. In memory a stream is a raw head and
//! compressed blocks; a block never spans two log segments, so that retention can drop a segment together with exactly
//! what it holds. What holds: an acknowledged line survives `kill -9`; the same line of a stream at the same time, with
//! the same metadata, is stored once; memory stays inside its budget.
//!
//! Deliberately not here: LogQL (`console-logql`), an index of words (line hints skip blocks by searching them).

mod block;
pub mod codec;
pub mod config;
mod limits;
mod matching;
mod merge;
mod state;
mod store;
mod stream;

pub use config::{LogLimits, LogStoreConfig};
pub use store::{LogStore, LogStoreStats, OpenError};
