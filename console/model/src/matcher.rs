//! Label matchers as data. Compiling the regular expression is the reader's work.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::{LabelName, Quoted};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MatchOp {
    Equal,
    NotEqual,
    /// Fully anchored regular expression.
    Regex,
    NotRegex,
}

/// `name <op> value`. An absent label matches as the empty string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Matcher {
    pub name: String,
    pub op: MatchOp,
    pub value: String,
}

impl MatchOp {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// As PromQL has it inside of braces. A name that is no identifier stands in quotes, which Prometheus 2 does not know.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", LabelName(&self.name), self.op.symbol(), Quoted(&self.value))
    }
}

impl Matcher {
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_are_written_as_promql() {
        let matcher = |name: &str, op, value: &str| Matcher { name: name.into(), op, value: value.into() };
        for (matcher, wanted) in [
            (Matcher::equal("job", "a"), r#"job="a""#),
            (matcher("http.status", MatchOp::NotEqual, "é"), r#""http.status"!="é""#),
            (matcher("x", MatchOp::Regex, "a\\.b\n\"c\""), r#"x=~"a\\.b\n\"c\"""#),
            (matcher("1", MatchOp::NotRegex, ""), r#""1"!~"""#),
        ] {
            assert_eq!(matcher.to_string(), wanted);
        }
    }
}
