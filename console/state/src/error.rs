//! What can go wrong.

use std::{path::PathBuf, time::Duration};

/// Why the state cannot be used. Each message names the file, or the server and its database; never a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot write the state's file {}: {source}", file.display())]
    Unwritable { file: PathBuf, source: std::io::Error },
    #[error("the state's file {} is damaged or not an SQLite database: {what}", file.display())]
    Corrupt { file: PathBuf, what: String },
    #[error("the address of the state's Postgres: {0}")]
    Address(String),
    #[error("no server of the state's {place} takes writes, after {} s", waited.as_secs())]
    NoServer { place: String, waited: Duration, source: Option<sqlx::Error> },
    #[error("the state's {place} was written by a newer version (migration {version})")]
    Newer { place: String, version: i64 },
    #[error("cannot open the state's {place}")]
    Database { place: String, source: sqlx::Error },
    #[error("cannot bring the state's {place} to this version")]
    Migrate { place: String, source: sqlx::migrate::MigrateError },
    /// A migration takes longer than it may, or another console holds the lock, be it one that has vanished.
    #[error("the state's {place} was not brought to this version within {} s", waited.as_secs())]
    MigrateTimeout { place: String, waited: Duration },
}

/// The database or the machine does not do its part.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The Postgres of the state does not answer, or takes no writes; it is looked for.
    #[error("the state's database is away, for {} s now", away_for.as_secs())]
    Away { away_for: Duration, source: Option<sqlx::Error> },
    /// No connection was free in time, or the server worked on a statement for too long. Others may fare better.
    #[error("the state's database did not answer in time")]
    Timeout { source: Option<sqlx::Error> },
    #[error("the state's database failed")]
    Database(#[from] sqlx::Error),
    #[error("password hashing failed: {0}")]
    Hash(String),
    /// The caller's value is outside a limit.
    #[error("{0}")]
    Invalid(String),
}

/// Why a log-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown user or wrong password: which of the two is not said.
    #[error("the name or the password is wrong")]
    Wrong,
    #[error("too many log-ins; try again in {retry_after_seconds} s")]
    Throttled { retry_after_seconds: u64 },
    #[error(transparent)]
    State(#[from] StateError),
}
