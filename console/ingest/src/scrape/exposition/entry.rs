//! What a text consists of.

use std::borrow::Cow;

use console_model::metric::MetricKind;

/// One line, or a part of what a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a, 'b> {
    Type { family: &'a str, kind: MetricKind },
    Help { family: &'a str, help: Cow<'a, str> },
    Unit { family: &'a str, unit: &'a str },
    Sample(Sample<'a, 'b>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a, 'b> {
    /// Name and labels as they are written: equal texts are equal series.
    pub series: &'a str,
    pub name: &'a str,
    /// In the order of the text, names unique.
    pub labels: &'b [LabelText<'a>],
    pub value: f64,
    pub timestamp_ms: Option<i64>,
    /// Only in OpenMetrics.
    pub exemplar: Option<&'b ExemplarText<'a>>,
}

/// An exemplar as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct ExemplarText<'a> {
    pub labels: Vec<LabelText<'a>>,
    pub value: f64,
    pub timestamp_ms: Option<i64>,
}

/// A label as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelText<'a> {
    pub name: &'a str,
    /// Between the quotes, escapes and all.
    pub raw: &'a str,
}

impl<'a> LabelText<'a> {
    pub fn value(&self) -> Cow<'a, str> {
        unescape(self.raw, Quotes::Escaped)
    }
}

/// Whether `\"` stands for a quote.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    Escaped,
    Plain,
}

/// `\\`, `\n` and, where they are escaped, `\"`; any other backslash stands for itself.
pub(super) fn unescape(raw: &str, quotes: Quotes) -> Cow<'_, str> {
    let Some(first) = raw.find('\\') else { return Cow::Borrowed(raw) };
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..first]);
    let mut chars = raw[first..].chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('\\') => out.push('\\'),
            Some('"') if quotes == Quotes::Escaped => out.push('"'),
            other => {
                out.push('\\');
                out.extend(other);
            }
        }
    }
    Cow::Owned(out)
}

/// Where and why a text is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct SyntaxError {
    /// Counts from 1.
    pub line: usize,
    /// In characters, counts from 1.
    pub column: usize,
    pub message: String,
}

impl SyntaxError {
    pub(super) fn not_utf8(bytes: &[u8], at: usize) -> Self {
        let before = String::from_utf8_lossy(&bytes[..at]);
        let line = before.split('\n').count();
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        Self { line, column, message: "invalid UTF-8".to_owned() }
    }
}
