//! Matchers, compiled.

use console_model::{MatchOp, Matcher};
use console_storage::StorageError;
use regex::{Regex, RegexBuilder};

/// Bytes that a compiled expression may take.
const REGEX_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(crate) enum Test {
    Equal(String),
    /// A regular expression that is only an alternation of plain words.
    OneOf(Vec<String>),
    Regex(Regex),
}

#[derive(Debug)]
pub(crate) struct Compiled {
    pub name: String,
    pub test: Test,
    pub negated: bool,
}

impl Compiled {
    pub fn new(matcher: &Matcher) -> Result<Self, StorageError> {
        let test = match matcher.op {
            MatchOp::Equal | MatchOp::NotEqual => Test::Equal(matcher.value.clone()),
            MatchOp::Regex | MatchOp::NotRegex => match alternatives(&matcher.value) {
                Some(words) => Test::OneOf(words),
                None => RegexBuilder::new(&format!("^(?s:{})$", matcher.value))
                    .size_limit(REGEX_BYTES)
                    .build()
                    .map(Test::Regex)
                    .map_err(|e| StorageError::InvalidMatcher(format!("{}: {e}", matcher.value)))?,
            },
        };
        let negated = matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex);
        Ok(Self { name: matcher.name.clone(), test, negated })
    }

    pub fn all(matchers: &[Matcher]) -> Result<Vec<Self>, StorageError> {
        matchers.iter().map(Self::new).collect()
    }

    pub fn matches(&self, value: &str) -> bool {
        let hit = match &self.test {
            Test::Equal(v) => v == value,
            Test::OneOf(words) => words.iter().any(|w| w == value),
            Test::Regex(r) => r.is_match(value),
        };
        hit != self.negated
    }
}

/// The words of `a|b|c`, when nothing in it is special.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let plain = |c: char| c.is_alphanumeric() || "_-:/ ,;=@#%&!\"'<>~`".contains(c);
    pattern.chars().all(|c| c == '|' || plain(c)).then(|| pattern.split('|').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_are_anchored_and_span_lines() {
        let matches = |op, pattern: &str, value: &str| {
            Compiled::new(&Matcher { name: "a".into(), op, value: pattern.into() }).unwrap().matches(value)
        };
        assert!(matches(MatchOp::Regex, "b.*", "b\nc"));
        assert!(!matches(MatchOp::Regex, "b", "abc"));
        assert!(matches(MatchOp::Regex, "x|abc", "abc"));
        assert!(!matches(MatchOp::Regex, "x|abc", "abcd"));
        assert!(matches(MatchOp::NotRegex, "x|a.c", "ab"));
        assert!(matches(MatchOp::Regex, "a|", ""));
    }
}
