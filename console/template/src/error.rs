//! One error type, positioned.

/// Why a template does not parse or does not expand. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template {name}:{line}:{column}: {message}")]
pub struct TemplateError {
    pub name: String,
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// A place in a template's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    pub fn error(self, name: &str, message: impl Into<String>) -> TemplateError {
        TemplateError { name: name.to_owned(), line: self.line, column: self.column, message: message.into() }
    }
}
