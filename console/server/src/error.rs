//! Errors for logs and terminals.

use std::{error::Error, fmt::Write as _};

/// An error with its causes: `what: because: because`.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(because) = cause {
        let _ = write!(text, ": {because}");
        cause = because.source();
    }
    text
}
