//! What an exposition consists of.

use std::{borrow::Cow, fmt, sync::Arc};

use console_model::{histogram::Histogram, metric::MetricKind};

/// One sample, or a part of what is said of a family.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a, 'b> {
    Type {
        family: Cow<'a, str>,
        kind: MetricKind,
    },
    Help {
        family: Cow<'a, str>,
        help: Cow<'a, str>,
    },
    Unit {
        family: Cow<'a, str>,
        unit: &'a str,
    },
    Sample(Sample<'a, 'b>),
    /// A classic histogram that should have become a native one and cannot.
    Unconvertible {
        family: Cow<'a, str>,
        message: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a, 'b> {
    /// In text, name and labels as they are written; elsewhere other bytes. Equal bytes are equal series; one series may
    /// be written in several ways.
    pub series: &'b [u8],
    pub name: &'b str,
    /// In the order of the exposition, names unique.
    pub labels: &'b [LabelText<'a>],
    /// One more label, in formats that have it as a number.
    pub bound: Option<Bound>,
    pub value: SampleValue<'b>,
    pub timestamp_ms: Option<i64>,
    /// Of a float at most one. None in Prometheus text.
    pub exemplars: &'b [ExemplarText<'a>],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SampleValue<'b> {
    Float(f64),
    Histogram(&'b Arc<Histogram>),
}

impl SampleValue<'_> {
    pub fn float(self) -> Option<f64> {
        if let Self::Float(v) = self { Some(v) } else { None }
    }
}

/// `le` of a bucket or `quantile` of a summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub label: &'static str,
    pub value: f64,
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
    /// Without quotes, where it has them; with escapes, of which only a quoted one has any.
    pub name: &'a str,
    /// Between the quotes, escapes and all.
    pub raw: &'a str,
    pub(super) name_quotes: Quotes,
    pub(super) quotes: Quotes,
}

impl<'a> LabelText<'a> {
    /// The name that is meant.
    pub fn name(&self) -> Cow<'a, str> {
        unescape(self.name, self.name_quotes)
    }

    pub fn value(&self) -> Cow<'a, str> {
        unescape(self.raw, self.quotes)
    }

    pub fn is_named(&self, name: &str) -> bool {
        if self.name_quotes == Quotes::None { self.name == name } else { self.name() == name }
    }
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// `\"` stands for a quote.
    Escaped,
    /// It does not.
    Plain,
    /// As it is: a backslash stands for nothing but itself.
    None,
}

/// `\\`, `\n` and, where they are escaped, `\"`; any other backslash stands for itself.
pub(super) fn unescape(raw: &str, quotes: Quotes) -> Cow<'_, str> {
    if quotes == Quotes::None {
        return Cow::Borrowed(raw);
    }
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

/// Where and why an exposition is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct SyntaxError {
    pub place: Place,
    pub message: String,
}

/// Where an exposition is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Line and column, the latter in characters; both count from 1.
    Text { line: usize, column: usize },
    /// The first byte, from 0, of the field that is wrong; the metric family that it belongs to, where its name is
    /// known; and the field's path.
    Bytes { offset: usize, family: String, field: String },
}

/// Characters of a family's name that an error shows.
const SHOWN: usize = 80;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { line, column } => write!(f, "line {line}, column {column}"),
            Self::Bytes { offset, family, field } if family.is_empty() => {
                write!(f, "byte {offset}, field {field}")
            }
            Self::Bytes { offset, family, field } => {
                let family: String = family.chars().take(SHOWN).collect();
                write!(f, "metric family {family:?}, byte {offset}, field {field}")
            }
        }
    }
}

impl SyntaxError {
    pub(super) fn in_text(line: usize, column: usize, message: String) -> Self {
        Self { place: Place::Text { line, column }, message }
    }

    pub(super) fn not_utf8(bytes: &[u8], at: usize) -> Self {
        let before = String::from_utf8_lossy(&bytes[..at]);
        let line = before.split('\n').count();
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        Self::in_text(line, column, "invalid UTF-8".to_owned())
    }
}
