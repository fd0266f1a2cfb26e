//! What can go wrong.

use std::path::PathBuf;

/// Why the file cannot be used. Each message names the file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot write the state's file {}: {source}", file.display())]
    Unwritable { file: PathBuf, source: std::io::Error },
    #[error("the state's file {} is damaged or not an SQLite database: {what}", file.display())]
    Corrupt { file: PathBuf, what: String },
    #[error("the state's file {} was written by a newer version (migration {version})", file.display())]
    Newer { file: PathBuf, version: i64 },
    #[error("cannot open the state's file {}", file.display())]
    Database { file: PathBuf, source: sqlx::Error },
    #[error("cannot bring the state's file {} to this version", file.display())]
    Migrate { file: PathBuf, source: sqlx::migrate::MigrateError },
}

/// The database or the machine does not do its part.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
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
