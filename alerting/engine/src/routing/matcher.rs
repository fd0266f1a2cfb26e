//! Alertmanager's matchers: `severity="critical"`, `{a=~"x|y", b!=z}`.

use console_model::Labels;
use regex::Regex;

/// One matcher. An absent label matches as the empty string; regular expressions are anchored.
#[derive(Clone, Debug)]
pub struct LabelMatcher {
    pub name: String,
    pub op: Op,
    pub value: String,
    regex: Option<Regex>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

impl LabelMatcher {
    pub fn new(name: impl Into<String>, op: Op, value: impl Into<String>) -> Result<Self, String> {
        let (name, value) = (name.into(), value.into());
        let regex = match op {
            Op::Regex | Op::NotRegex => Some(
                Regex::new(&format!("^(?:{value})$"))
                    .map_err(|e| format!("invalid regular expression {value:?}: {e}"))?,
            ),
            Op::Equal | Op::NotEqual => None,
        };
        Ok(Self { name, op, value, regex })
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        let found = labels.get(&self.name).unwrap_or_default();
        let by_regex = || self.regex.as_ref().is_some_and(|r| r.is_match(found));
        match self.op {
            Op::Equal => found == self.value,
            Op::NotEqual => found != self.value,
            Op::Regex => by_regex(),
            Op::NotRegex => !by_regex(),
        }
    }
}

impl std::fmt::Display for LabelMatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let op = match self.op {
            Op::Equal => "=",
            Op::NotEqual => "!=",
            Op::Regex => "=~",
            Op::NotRegex => "!~",
        };
        write!(f, "{}{op}{:?}", self.name, self.value)
    }
}

/// Parses one or more matchers separated by commas, with or without braces.
pub fn parse_matchers(text: &str) -> Result<Vec<LabelMatcher>, String> {
    let trimmed = text.trim();
    let inner = match (trimmed.strip_prefix('{'), trimmed.strip_suffix('}')) {
        (Some(_), Some(_)) if trimmed.len() >= 2 => &trimmed[1..trimmed.len() - 1],
        (None, None) => trimmed,
        (None, Some(_)) if trimmed.ends_with("\\}") || trimmed.contains('"') => trimmed,
        _ => return Err(format!("unbalanced braces in matcher {text:?}")),
    };
    let mut rest = inner.trim();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (name, tail) = word(rest, text)?;
        let tail = tail.trim_start();
        let ops = [("=~", Op::Regex), ("!~", Op::NotRegex), ("!=", Op::NotEqual), ("=", Op::Equal)];
        let Some((sign, op)) = ops.iter().find(|(s, _)| tail.starts_with(s)) else {
            return Err(format!("bad matcher format: {text:?}: expected =, !=, =~ or !~ after {name:?}"));
        };
        if name.is_empty() {
            return Err(format!("bad matcher format: {text:?}: the label's name is missing"));
        }
        let (value, tail) = word(tail[sign.len()..].trim_start(), text)?;
        out.push(LabelMatcher::new(name, *op, value)?);
        let tail = tail.trim_start();
        rest = match tail.strip_prefix(',') {
            Some(r) => r.trim_start(),
            None if tail.is_empty() => tail,
            None => return Err(format!("bad matcher format: {text:?}: expected a comma before {tail:?}")),
        };
    }
    Ok(out)
}

/// A quoted or bare word and what follows it.
fn word<'a>(text: &'a str, whole: &str) -> Result<(String, &'a str), String> {
    if !text.starts_with('"') {
        let end = text.find(|c: char| c.is_whitespace() || "{}!=~,\"'`".contains(c)).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    }
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Ok((out, &text[i + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, '"')) => out.push('"'),
                Some((_, '\\')) => out.push('\\'),
                Some((_, other)) => out.extend(['\\', other]),
                None => break,
            },
            c => out.push(c),
        }
    }
    Err(format!("bad matcher format: {whole:?}: unterminated quoted value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matcher_syntax_is_alertmanagers() {
        let labels = Labels::from_pairs([("severity", "critical"), ("service", "orders")]);
        for (text, matches) in [
            ("severity=critical", true),
            ("severity = \"critical\"", true),
            ("{severity=~\"warn.*|crit.*\", service!=\"payments\"}", true),
            ("severity=~crit", false),
            ("absent=\"\"", true),
            ("service!~\"ord.*\"", false),
            ("", true),
        ] {
            let parsed = parse_matchers(text).expect(text);
            assert_eq!(parsed.iter().all(|m| m.matches(&labels)), matches, "{text}");
        }
        for text in ["severity", "=x", "{a=b", "a=~\"(\"", "a=\"x", "a=b c=d"] {
            assert!(parse_matchers(text).is_err(), "{text}");
        }
    }
}
