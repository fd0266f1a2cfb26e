//! What can be wrong with a query.

use console_storage::SourceError;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not LogQL. `position` is a byte offset.
    #[error("parse error at byte {position}: {message}")]
    Parse { message: String, position: usize },
    /// Correct, but not supported; names the construct.
    #[error("not supported yet: {0}")]
    Unsupported(String),
}

impl From<Error> for SourceError {
    fn from(e: Error) -> Self {
        match e {
            Error::Parse { position, .. } => {
                Self::Invalid { message: e.to_string(), position: Some(position) }
            }
            Error::Unsupported(_) => Self::Unsupported(e.to_string()),
        }
    }
}
