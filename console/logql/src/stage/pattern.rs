//! `<method> <path> <_>`: literals and captures, as parser and as line filter.

use crate::labels::LabelSet;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// `<_>`: `None`
    Capture(Option<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

impl Pattern {
    fn split(text: &str) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some((name, after)) = capture(rest) {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                } else if matches!(parts.last(), Some(Part::Capture(_))) {
                    return Err(format!("invalid pattern {text:?}: found consecutive capture"));
                }
                parts.push(Part::Capture((name != "_").then(|| name.to_owned())));
                rest = after;
            } else {
                literal.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// For `| pattern`: needs a named capture, each name once.
    pub fn parser(text: &str) -> Result<Self, String> {
        let pattern = Self::split(text)?;
        let names: Vec<&String> = pattern
            .0
            .iter()
            .filter_map(|p| match p {
                Part::Capture(name) => name.as_ref(),
                Part::Literal(_) => None,
            })
            .collect();
        if names.is_empty() {
            return Err(format!("invalid pattern {text:?}: at least one capture is required"));
        }
        match names.iter().enumerate().find(|(i, n)| names[..*i].contains(n)) {
            Some((_, name)) => Err(format!("invalid pattern {text:?}: duplicate capture name ({name})")),
            None => Ok(pattern),
        }
    }

    /// For `|>`: only `<_>`.
    pub fn filter(text: &str) -> Result<Self, String> {
        let pattern = Self::split(text)?;
        if pattern.0.iter().any(|p| matches!(p, Part::Capture(Some(_)))) {
            return Err(format!("invalid pattern {text:?}: named captures are not allowed"));
        }
        Ok(pattern)
    }

    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            Part::Capture(_) => None,
        })
    }

    /// Extracts from left to right; what is missing ends the line.
    pub fn extract(&self, line: &str, labels: &mut LabelSet<'_>) {
        let mut rest = line;
        let mut parts = self.0.as_slice();
        if let [Part::Literal(prefix), after @ ..] = parts {
            let Some(stripped) = rest.strip_prefix(prefix.as_str()) else { return };
            (rest, parts) = (stripped, after);
        }
        while let [Part::Capture(name), after @ ..] = parts {
            let (value, following, next) = match after {
                [Part::Literal(literal), next @ ..] => match rest.split_once(literal.as_str()) {
                    Some((value, following)) => (value, following, next),
                    None => (rest, "", &[][..]),
                },
                _ => (rest, "", &[][..]),
            };
            if let Some(name) = name {
                labels.extract(name, || value.to_owned());
            }
            (rest, parts) = (following, next);
        }
    }

    /// Whether the whole line fits; a capture stands for at least one character.
    pub fn matches(&self, line: &str) -> bool {
        let mut at = 0;
        for (i, part) in self.0.iter().enumerate() {
            let Part::Literal(literal) = part else { continue };
            match line[at..].find(literal.as_str()) {
                Some(0) if i > 0 => return false,
                Some(n) if i == 0 && n > 0 => return false,
                Some(n) => at += n + literal.len(),
                None => return false,
            }
        }
        match self.0.last() {
            None => line.is_empty(),
            Some(Part::Capture(_)) => at < line.len(),
            Some(Part::Literal(_)) => at == line.len(),
        }
    }
}

/// The name of a leading `<name>`, and what follows it.
fn capture(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('<')?;
    let (name, after) = inside.split_once('>')?;
    let valid = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    valid.then_some((name, after))
}
