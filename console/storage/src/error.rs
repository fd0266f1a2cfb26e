//! Errors of the ports. Each protocol maps them to its own envelope once.

/// Why a write was refused. Nothing of the refused part was stored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AppendError {
    /// The sender must change the data: retrying cannot help.
    #[error("{0}")]
    Invalid(String),
    /// A limit was hit; the message names the limit, its value and the offender.
    #[error("{0}")]
    Limit(String),
    /// Try again later (memory budget, full disk).
    #[error("{reason}")]
    Busy { reason: String, retry_after_s: u32 },
    #[error("storage: {0}")]
    Storage(String),
}

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StorageError {
    #[error("invalid matcher: {0}")]
    InvalidMatcher(String),
    /// A limit was hit; the message names the limit and its value.
    #[error("{0}")]
    Limit(String),
    #[error("query timed out")]
    Timeout,
    #[error("query was canceled")]
    Canceled,
    /// What was being read is damaged and is left out from now on: reading from the start gives a whole answer.
    #[error("storage: a part that was being read is damaged, read again")]
    ReadAgain,
    #[error("storage: {0}")]
    Storage(String),
}

/// Why a source could not answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SourceError {
    /// The query is wrong. `position` is a byte offset into the expression.
    #[error("{message}")]
    Invalid { message: String, position: Option<usize> },
    /// Correct, but not supported yet; the message names the construct.
    #[error("{0}")]
    Unsupported(String),
    /// The query is correct and its evaluation failed (Prometheus' `execution`).
    #[error("{0}")]
    Execution(String),
    #[error("{0}")]
    Limit(String),
    #[error("query timed out")]
    Timeout,
    #[error("query was canceled")]
    Canceled,
    #[error("not found: {0}")]
    NotFound(String),
    /// The backend does not answer.
    #[error("{backend} is unavailable: {reason}")]
    Unavailable { backend: String, reason: String },
    /// As [`StorageError::ReadAgain`]: who evaluates a query begins it anew.
    #[error("internal: {}", StorageError::ReadAgain)]
    ReadAgain,
    #[error("internal: {0}")]
    Internal(String),
}

impl SourceError {
    /// For who has read often enough: damage without end is a failure of the store.
    pub fn at_last(self) -> Self {
        if self == Self::ReadAgain { Self::Internal(StorageError::ReadAgain.to_string()) } else { self }
    }
}

impl From<StorageError> for SourceError {
    fn from(e: StorageError) -> Self {
        match e {
            StorageError::InvalidMatcher(m) => Self::Invalid { message: m, position: None },
            StorageError::Limit(m) => Self::Limit(m),
            StorageError::Timeout => Self::Timeout,
            StorageError::Canceled => Self::Canceled,
            StorageError::ReadAgain => Self::ReadAgain,
            StorageError::Storage(m) => Self::Internal(m),
        }
    }
}
