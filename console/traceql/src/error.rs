//! What can be wrong with a query.

use console_storage::SourceError;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not TraceQL. `position` is a byte offset.
    #[error("parse error at byte {position}: {message}")]
    Parse { message: String, position: usize },
    /// The text parses and means nothing.
    #[error("{0}")]
    Invalid(String),
    /// Correct, but not supported; names the construct and, where it stands in the query, its byte offset.
    #[error("not supported: {what}{}", at(.position))]
    Unsupported { what: String, position: Option<usize> },
}

fn at(position: &Option<usize>) -> String {
    position.map(|p| format!(" at byte {p}")).unwrap_or_default()
}

impl From<Error> for SourceError {
    fn from(e: Error) -> Self {
        match e {
            Error::Parse { position, .. } => {
                Self::Invalid { message: e.to_string(), position: Some(position) }
            }
            Error::Invalid(message) => Self::Invalid { message, position: None },
            Error::Unsupported { .. } => Self::Unsupported(e.to_string()),
        }
    }
}
