//! Problems of configuration files: every one names the file, the line and the field, and all are reported together.

use std::{fmt, path::PathBuf};

/// One problem of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    /// Counts from 1; absent where the problem has no place (an unreadable file).
    pub line: Option<u64>,
    /// The path of the field (`groups[0].rules[2].expr`), when known.
    pub field: String,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Why the engine does not start: all problems of all its files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LoadError {
    pub problems: Vec<Problem>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.problems.iter().map(Problem::to_string).collect();
        f.write_str(&all.join("\n"))
    }
}

impl LoadError {
    /// One problem without a place in a file's text.
    pub fn of_file(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        let problem =
            Problem { file: file.into(), line: None, field: String::new(), message: message.into() };
        Self { problems: vec![problem] }
    }
}

/// Gathers problems of one file.
pub(crate) struct Problems {
    file: PathBuf,
    pub found: Vec<Problem>,
}

impl Problems {
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), found: Vec::new() }
    }

    pub fn add(&mut self, line: u64, field: impl Into<String>, message: impl Into<String>) {
        let line = (line > 0).then_some(line);
        self.found.push(Problem {
            file: self.file.clone(),
            line,
            field: field.into(),
            message: message.into(),
        });
    }

    /// `value` when nothing was found.
    pub fn or<T>(self, value: T) -> Result<T, LoadError> {
        if self.found.is_empty() { Ok(value) } else { Err(LoadError { problems: self.found }) }
    }
}
