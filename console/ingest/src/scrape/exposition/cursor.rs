//! A place in a line, and the tokens that both formats share.

use super::{LabelText, SyntaxError, entry::Quotes};

/// How much blank space a format bears between tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Blanks {
    /// Spaces and tabs anywhere between tokens, and a comma after the last label (Prometheus text).
    Free,
    /// Exactly where the grammar has them (OpenMetrics).
    Strict,
}

/// Walks along one line, which has no line's end in it.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// Counts from 1.
    line: usize,
    blanks: Blanks,
}

/// The NaN that every other is read as, so that none is a staleness marker (prometheus/model/value: `NormalNaN`).
pub const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// Characters of a wrong text that an error shows.
const SHOWN: usize = 40;

/// Bytes at the beginning of `text` that are a metric's name.
pub fn metric_name_length(text: &str) -> usize {
    let is_part =
        |i: usize, b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b':' || (i > 0 && b.is_ascii_digit());
    text.bytes().enumerate().take_while(|(i, b)| is_part(*i, *b)).count()
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, line: usize, blanks: Blanks) -> Self {
        Self { text, at: 0, line, blanks }
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub fn error(&self, message: impl Into<String>) -> SyntaxError {
        let column = self.text[..self.at].chars().count() + 1;
        SyntaxError::in_text(self.line, column, message.into())
    }

    /// `expected <what>, found <the rest>`.
    pub fn expected(&self, what: &str) -> SyntaxError {
        let found: String = self.rest().chars().take(SHOWN).collect();
        let more = if self.rest().chars().nth(SHOWN).is_some() { "…" } else { "" };
        let found =
            if found.is_empty() { "the end of the line".to_owned() } else { format!("{found:?}{more}") };
        self.error(format!("expected {what}, found {found}"))
    }

    pub fn skip_blanks(&mut self) {
        if self.blanks == Blanks::Free {
            self.at += self.rest().bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
        }
    }

    /// Goes past `token`, when it is here.
    pub fn take(&mut self, token: &str) -> bool {
        let is_here = self.rest().starts_with(token);
        if is_here {
            self.at += token.len();
        }
        is_here
    }

    pub fn metric_name(&mut self) -> Result<&'a str, SyntaxError> {
        match metric_name_length(self.rest()) {
            0 => Err(self.expected("a metric name")),
            length => Ok(self.advance(length)),
        }
    }

    /// A run of characters that are not blank.
    pub fn word(&mut self, what: &str) -> Result<&'a str, SyntaxError> {
        let length = self.rest().find([' ', '\t']).unwrap_or(self.rest().len());
        if length == 0 { Err(self.expected(what)) } else { Ok(self.advance(length)) }
    }

    /// `{a="b", …}` behind the opening brace; `labels` gets them.
    pub fn labels(&mut self, labels: &mut Vec<LabelText<'a>>) -> Result<(), SyntaxError> {
        labels.clear();
        self.skip_blanks();
        if self.take("}") {
            return Ok(());
        }
        loop {
            self.skip_blanks();
            let name = self.label_name()?;
            if labels.iter().any(|l| l.name == name) {
                return Err(self.error(format!("label {name:?} is there twice")));
            }
            self.skip_blanks();
            if !self.take("=") {
                return Err(self.expected("="));
            }
            self.skip_blanks();
            labels.push(LabelText { name, raw: self.quoted()?, quotes: Quotes::Escaped });
            self.skip_blanks();
            let comma = self.take(",");
            self.skip_blanks();
            if (!comma || self.blanks == Blanks::Free) && self.take("}") {
                return Ok(());
            }
            if !comma {
                return Err(self.expected("a comma or a closing brace"));
            }
        }
    }

    fn label_name(&mut self) -> Result<&'a str, SyntaxError> {
        let length = metric_name_length(self.rest());
        if length == 0 || self.rest()[..length].contains(':') {
            return Err(self.expected("a label name"));
        }
        Ok(self.advance(length))
    }

    fn quoted(&mut self) -> Result<&'a str, SyntaxError> {
        if !self.take("\"") {
            return Err(self.expected("a quoted label value"));
        }
        let mut escaped = false;
        let end = self.rest().bytes().position(|b| {
            let ends = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            ends
        });
        let Some(end) = end else { return Err(self.expected("a closing quote")) };
        let raw = self.advance(end);
        self.at += 1;
        Ok(raw)
    }

    /// The text up to here, without blanks at its end.
    pub fn before(&self) -> &'a str {
        self.text[..self.at].trim_end_matches([' ', '\t'])
    }

    fn advance(&mut self, length: usize) -> &'a str {
        let start = self.at;
        self.at += length;
        &self.text[start..self.at]
    }
}

/// A number as the formats write it. NaN is always the same one, so that it is never a staleness marker.
pub fn number(text: &str) -> Option<f64> {
    // Rust also reads what no format writes: a sign before NaN.
    let value: f64 = text.parse().ok()?;
    if value.is_nan() {
        let plain = text.eq_ignore_ascii_case("nan");
        return plain.then_some(NORMAL_NAN);
    }
    Some(value)
}
