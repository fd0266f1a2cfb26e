//! Matchers, compiled.

use console_model::{Labels, MatchOp, Matcher};
use console_storage::StorageError;
use regex::Regex;

enum Test {
    Equal(String),
    NotEqual(String),
    Regex(Regex),
    NotRegex(Regex),
}

/// All of these must hold; an absent label counts as the empty string.
pub struct Matchers(Vec<(String, Test)>);

impl Matchers {
    pub fn compile(matchers: &[Matcher]) -> Result<Self, StorageError> {
        let compiled = matchers.iter().map(|m| {
            let regex = || {
                Regex::new(&format!("^(?s:{})$", m.value))
                    .map_err(|e| StorageError::InvalidMatcher(format!("{}: {e}", m.name)))
            };
            let test = match m.op {
                MatchOp::Equal => Test::Equal(m.value.clone()),
                MatchOp::NotEqual => Test::NotEqual(m.value.clone()),
                MatchOp::Regex => Test::Regex(regex()?),
                MatchOp::NotRegex => Test::NotRegex(regex()?),
            };
            Ok((m.name.clone(), test))
        });
        compiled.collect::<Result<_, _>>().map(Self)
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|(name, test)| {
            let value = labels.get(name).unwrap_or_default();
            match test {
                Test::Equal(v) => v == value,
                Test::NotEqual(v) => v != value,
                Test::Regex(r) => r.is_match(value),
                Test::NotRegex(r) => !r.is_match(value),
            }
        })
    }
}
