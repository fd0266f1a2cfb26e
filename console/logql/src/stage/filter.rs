//! Filters on labels: strings, numbers, durations, sizes, addresses, joined by and / or.

use regex::Regex;

use crate::{
    ast::BinaryOp,
    ip::IpRange,
    labels::{ERROR, LabelSet},
    units::{parse_bytes, parse_duration, parse_number},
};

pub const FILTER_ERROR: &str = "LabelFilterErr";

#[derive(Clone, Debug)]
pub enum TextTest {
    Equal(String),
    NotEqual(String),
    Regex(Regex),
    NotRegex(Regex),
}

impl TextTest {
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Equal(v) => v == value,
            Self::NotEqual(v) => v != value,
            Self::Regex(r) => r.is_match(value),
            Self::NotRegex(r) => !r.is_match(value),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Number,
    Duration,
    Bytes,
}

#[derive(Clone, Debug)]
pub enum LabelFilter {
    Text { name: String, test: TextTest },
    Quantity { name: String, op: BinaryOp, kind: Quantity, than: f64 },
    Ip { name: String, range: IpRange, wanted: bool },
    And(Box<LabelFilter>, Box<LabelFilter>),
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

impl LabelFilter {
    /// Adds the names of the labels that it looks at.
    pub fn names(&self, out: &mut Vec<String>) {
        match self {
            Self::Text { name, .. } | Self::Quantity { name, .. } | Self::Ip { name, .. } => {
                out.push(name.clone());
            }
            Self::And(a, b) | Self::Or(a, b) => {
                a.names(out);
                b.names(out);
            }
        }
    }

    /// Whether the line stays. A value that cannot be converted stays, marked with an error.
    pub fn keep(&self, labels: &mut LabelSet<'_>) -> bool {
        match self {
            Self::Text { name, test } => test.matches(labels.get(name).unwrap_or_default()),
            Self::Quantity { name, .. } if name == ERROR => false,
            Self::Quantity { name, op, kind, than } => {
                let Some(value) = labels.get(name) else { return false };
                let number = match kind {
                    Quantity::Number => parse_number(value),
                    Quantity::Duration => parse_duration(value),
                    Quantity::Bytes => parse_bytes(value),
                };
                match number {
                    Ok(n) => compare(*op, n, *than),
                    Err(details) => {
                        labels.fail(FILTER_ERROR, details);
                        true
                    }
                }
            }
            Self::Ip { name, range, wanted } => {
                if labels.has_error() {
                    return true;
                }
                labels.get(name).is_some_and(|value| range.found_in(value) == *wanted)
            }
            // Both run: either may mark an error.
            Self::And(a, b) => a.keep(labels) & b.keep(labels),
            Self::Or(a, b) => a.keep(labels) || b.keep(labels),
        }
    }
}

pub fn compare(op: BinaryOp, a: f64, b: f64) -> bool {
    match op {
        BinaryOp::Equal => a == b,
        BinaryOp::NotEqual => a != b,
        BinaryOp::Less => a < b,
        BinaryOp::LessEqual => a <= b,
        BinaryOp::Greater => a > b,
        BinaryOp::GreaterEqual => a >= b,
        _ => false,
    }
}
