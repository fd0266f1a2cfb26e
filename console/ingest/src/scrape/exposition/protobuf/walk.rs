//! The fields of a message, with the place of whatever is wrong among them.

use crate::{
    scrape::exposition::{Place, SyntaxError},
    wire::{Field, Fields, WireError, varint},
};

/// A message: its path from the family, and its fields by number.
pub struct Shape {
    pub path: &'static str,
    fields: &'static [&'static str],
}

pub const FAMILY: Shape =
    Shape { path: "metric_family", fields: &["", "name", "help", "type", "metric", "unit"] };
pub const METRIC: Shape = Shape {
    path: "metric",
    fields: &["", "label", "gauge", "counter", "summary", "untyped", "timestamp_ms", "histogram"],
};
pub const LABEL: Shape = Shape { path: "metric.label", fields: &["", "name", "value"] };
/// Gauge, counter and untyped.
pub const SIMPLE: Shape = Shape { path: "metric", fields: &["", "value", "exemplar"] };
pub const SUMMARY: Shape =
    Shape { path: "metric.summary", fields: &["", "sample_count", "sample_sum", "quantile"] };
pub const QUANTILE: Shape = Shape { path: "metric.summary.quantile", fields: &["", "quantile", "value"] };
pub const HISTOGRAM: Shape = Shape {
    path: "metric.histogram",
    fields: &[
        "",
        "sample_count",
        "sample_sum",
        "bucket",
        "sample_count_float",
        "schema",
        "zero_threshold",
        "zero_count",
        "zero_count_float",
        "negative_span",
        "negative_delta",
        "negative_count",
        "positive_span",
        "positive_delta",
        "positive_count",
        "created_timestamp",
        "exemplars",
    ],
};
pub const BUCKET: Shape = Shape {
    path: "metric.histogram.bucket",
    fields: &["", "cumulative_count", "upper_bound", "exemplar", "cumulative_count_float"],
};
pub const EXEMPLAR: Shape = Shape { path: "exemplar", fields: &["", "label", "value", "timestamp"] };
pub const EXEMPLAR_LABEL: Shape = Shape { path: "exemplar.label", fields: &["", "name", "value"] };
pub const TIMESTAMP: Shape = Shape { path: "exemplar.timestamp", fields: &["", "seconds", "nanos"] };

/// What is wrong with a field.
pub enum Flaw {
    Said(String),
    /// With a field of the message inside it.
    Placed(SyntaxError),
}

impl From<WireError> for Flaw {
    fn from(e: WireError) -> Self {
        Self::Said(e.to_string())
    }
}

impl From<SyntaxError> for Flaw {
    fn from(e: SyntaxError) -> Self {
        Self::Placed(e)
    }
}

/// Where the walk is.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// All bytes.
    pub whole: &'a [u8],
    pub family: &'a str,
}

impl<'a> At<'a> {
    /// Shows each field of a message to `take`. `message` is a part of the whole.
    pub fn each(
        self,
        message: &'a [u8],
        shape: &Shape,
        mut take: impl FnMut(Field<'a>) -> Result<(), Flaw>,
    ) -> Result<(), SyntaxError> {
        let mut fields = Fields::of(message);
        loop {
            let start = fields.rest();
            let Some(field) = fields.next() else { return Ok(()) };
            let done = match field {
                Ok(field) if field.number == 0 => Err(Flaw::Said("no field has the number 0".to_owned())),
                Ok(field) => take(field),
                Err(e) => Err(e.into()),
            };
            match done {
                Ok(()) => {}
                Err(Flaw::Placed(e)) => return Err(e),
                Err(Flaw::Said(message)) => {
                    let key = varint(&mut &*start).unwrap_or_default();
                    return Err(self.error(start, &shape.field(key >> 3), message));
                }
            }
        }
    }

    /// `start` is a part of the whole that begins with what is wrong.
    pub fn error(self, start: &[u8], field: &str, message: impl Into<String>) -> SyntaxError {
        let offset = start.as_ptr().addr().saturating_sub(self.whole.as_ptr().addr());
        let (family, field) = (self.family.to_owned(), field.to_owned());
        SyntaxError { place: Place::Bytes { offset, family, field }, message: message.into() }
    }
}

impl Shape {
    fn field(&self, number: u64) -> String {
        let known = usize::try_from(number).ok().and_then(|n| self.fields.get(n)).filter(|n| !n.is_empty());
        match known {
            Some(name) => format!("{}.{name}", self.path),
            None => format!("{}.{number}", self.path),
        }
    }
}
