//! What can go wrong.

use std::path::PathBuf;

/// Why a copy ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The call itself is wrong.
    #[error("{option}: {reason}")]
    Option { option: &'static str, reason: String },
    #[error("{} is the journal of another copy: its {field} is {found}, not {wanted}", file.display())]
    OtherJournal { file: PathBuf, field: &'static str, found: String, wanted: String },
    #[error("{}: {reason}", file.display())]
    Journal { file: PathBuf, reason: String },
    /// No answer, or one that says to come back later, for longer than it is asked again.
    #[error("{url} does not answer: {reason}")]
    Unavailable { url: String, reason: String },
    /// An answer that is the same however often one asks.
    #[error("{url} refuses: {status} {message}")]
    Refused { url: String, status: u16, message: String },
    #[error("what {url} answers cannot be read: {reason}")]
    Unreadable { url: String, reason: String },
    /// More in one instant than one answer holds.
    #[error("{url} holds more than {limit} {what} at {at}: no answer holds them all")]
    TooMany { url: String, what: &'static str, limit: usize, at: String },
}
