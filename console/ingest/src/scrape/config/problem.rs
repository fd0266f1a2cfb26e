//! Problems of configuration files: every one names the file, the line and the field, and all are reported together.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One problem of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    /// Counts from 1; absent where the problem has no place (an unreadable file).
    pub line: Option<u64>,
    /// The path of the field (`scrape_configs[0].scheme`), when known.
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

/// All problems of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.problems.iter().map(Problem::to_string).collect();
        f.write_str(&all.join("\n"))
    }
}

impl ConfigError {
    pub fn of_file(file: &Path, line: Option<u64>, field: String, message: String) -> Self {
        Self { problems: vec![Problem { file: file.to_owned(), line, field, message }] }
    }
}

/// Gathers problems of one file.
pub(in crate::scrape) struct Problems {
    file: PathBuf,
    found: Vec<Problem>,
}

impl Problems {
    pub fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), found: Vec::new() }
    }

    pub fn add(&mut self, line: u64, field: impl Into<String>, message: impl Into<String>) {
        self.found.push(Problem {
            file: self.file.clone(),
            line: (line > 0).then_some(line),
            field: field.into(),
            message: message.into(),
        });
    }

    /// The value, when nothing was found.
    pub fn into_result<T>(mut self, value: T) -> Result<T, ConfigError> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort_by_key(|p| p.line);
        Err(ConfigError { problems: self.found })
    }
}
