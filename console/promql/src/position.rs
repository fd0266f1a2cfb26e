//! Places in the text of a query.

/// A range of bytes, `start..end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this one to the end of `other`.
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }

    /// `line:column` of the start, both from 1, columns in bytes, as Prometheus prints it.
    pub fn line_column(self, text: &str) -> String {
        if text.is_empty() {
            return "unknown position".to_owned();
        }
        if self.start > text.len() {
            return "invalid position".to_owned();
        }
        let before = &text.as_bytes()[..self.start];
        let line = before.split(|b| *b == b'\n').count();
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        format!("{line}:{column}")
    }
}
