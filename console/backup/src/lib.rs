//! A copy of what the console keeps, taken while it runs, and its way back.
//!
//! What makes a copy of running stores whole:
//! - a log is only ever appended to, and a torn end is cut at the next start: each segment is copied as far as it goes;
//! - a block never changes once it has its name, and says which part of the log it replaces (`console-tsdb`'s
//!   `block/FORMAT.md`). So logs are copied *before* blocks: what moves in between is in both copies and counted once;
//! - a file that is gone between the look at the folder and its copying was replaced by another: the store's copy begins
//!   anew;
//! - SQLite writes its own copy (`VACUUM INTO`); alerting replaces its file in one step.
//!
//! The copy holds everything that was acknowledged before it began. It has password hashes in it: it is the owner's alone.
//! Deliberately not here: a state in Postgres, which has an archive of its own; where copies are sent, how many are kept,
//! configuration and secrets.

mod copy;
mod error;
mod manifest;
mod restore;

pub use copy::copy;
pub use error::BackupError;
pub use manifest::Summary;
pub use restore::{holds_state, restore};

/// What the console keeps below its data directory: users and sessions.
const STATE: &str = "state.sqlite";
/// Folders of stores, and of alerting.
const FOLDERS: [&str; 4] = ["metrics", "logs", "traces", "alerting"];
