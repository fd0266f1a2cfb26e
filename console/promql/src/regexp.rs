//! Regular expressions of matchers: RE2's syntax, anchored at both ends, a dot matches a line break too.

use console_model::{Labels, MatchOp, Matcher};
use console_storage::SourceError;
use regex::Regex;

/// A pattern as matchers and `label_replace` mean it.
pub(crate) fn anchored(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?s:{pattern})$"))
}

/// Matchers that are ready to be applied.
pub(crate) struct Fits<'a> {
    tests: Vec<(&'a Matcher, Option<Regex>)>,
}

impl<'a> Fits<'a> {
    pub fn all(matchers: &'a [Matcher]) -> Result<Self, SourceError> {
        let test = |m: &'a Matcher| match m.op {
            MatchOp::Equal | MatchOp::NotEqual => Ok((m, None)),
            MatchOp::Regex | MatchOp::NotRegex => anchored(&m.value)
                .map(|r| (m, Some(r)))
                .map_err(|e| SourceError::Invalid { message: e.to_string(), position: None }),
        };
        Ok(Self { tests: matchers.iter().map(test).collect::<Result<_, _>>()? })
    }

    pub fn accept(&self, labels: &Labels) -> bool {
        self.tests.iter().all(|(m, regex)| {
            let value = labels.get(&m.name).unwrap_or_default();
            let hit = regex.as_ref().map_or_else(|| value == m.value, |r| r.is_match(value));
            hit != matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex)
        })
    }
}

/// Whether a series without the label fits.
pub(crate) fn fits_nothing(m: &Matcher) -> bool {
    Fits::all(std::slice::from_ref(m)).is_ok_and(|fits| fits.accept(&Labels::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_anchored_and_a_dot_is_any_character() {
        assert!(anchored("a.c").unwrap().is_match("a\nc"));
        assert!(!anchored("b").unwrap().is_match("abc"));
        assert!(!anchored("a|b").unwrap().is_match("ab"));
        let matcher = |op, value: &str| Matcher { name: "x".to_owned(), op, value: value.to_owned() };
        assert!(
            fits_nothing(&matcher(MatchOp::Regex, "a*")) && fits_nothing(&matcher(MatchOp::NotEqual, "a"))
        );
        assert!(!fits_nothing(&matcher(MatchOp::NotRegex, ".*")));
    }
}
