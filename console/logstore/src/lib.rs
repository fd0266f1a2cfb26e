//! The embedded store of log lines.
//!
//! Every accepted push is one write-ahead record ([`codec`]) before it is visible. Lines wait in memory, compared with each
//! other, until they are written as an immutable part on disk; then the log forgets them. Parts hold blocks of lines by
//! stream with a filter each (`FORMAT.md`), and are merged into larger ones.
//!
//! What holds: an acknowledged line survives `kill -9`, and a power cut with [`console_blockkit::SyncMode::Always`]; the same line of a stream at the same time, with the same metadata,
//! is read once, wherever its copies lie; memory stays inside its budget, whatever lies on disk; damage costs the part it
//! is in.
//!
//! Deliberately not here: LogQL (`console-logql`); deleting single lines or streams: parts go as a whole.

mod append;
mod block;
mod bloom;
pub mod codec;
mod compact;
pub mod config;
mod flush;
mod head;
mod limits;
mod matching;
mod metadata;
mod part;
mod read;
mod reader;
mod retention;
mod settle;
mod state;
mod store;

pub use config::{LogLimits, LogStoreConfig};
pub use store::{LogStore, LogStoreStats, OpenError};
