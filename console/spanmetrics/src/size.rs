//! How large a span is: its length in OTLP's protobuf (opentelemetry/proto/trace/v1), without resource and scope, which many
//! share. What ingest does not keep (counts of what was dropped, flags) is not in it.

use console_model::span::{AttributeValue, Attributes, Span};

/// Bytes.
pub(crate) fn of(span: &Span) -> u64 {
    const TIMES: usize = 2 * 9;
    const KIND: usize = 2;
    let mut n = field(16) + field(8) + field(span.name.len()) + KIND + TIMES;
    if span.parent_span_id.is_some() {
        n += field(8);
    }
    n += attributes(&span.attributes);
    for event in &span.events {
        n += field(9 + field(event.name.len()) + attributes(&event.attributes));
    }
    for link in &span.links {
        n += field(field(16) + field(8) + attributes(&link.attributes));
    }
    let message = if span.status_message.is_empty() { 0 } else { field(span.status_message.len()) };
    let code = if span.status == console_model::span::SpanStatus::Unset { 0 } else { 2 };
    if message + code > 0 {
        n += field(message + code);
    }
    n as u64
}

fn attributes(all: &Attributes) -> usize {
    all.iter().map(|(key, value)| field(field(key.len()) + field(value_len(value)))).sum()
}

fn value_len(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::String(s) => field(s.len()),
        AttributeValue::Bytes(b) => field(b.len()),
        AttributeValue::Bool(_) => 2,
        AttributeValue::Int(i) => 1 + varint_len(*i as u64),
        AttributeValue::Double(_) => 9,
        AttributeValue::Array(all) => field(all.iter().map(|v| field(value_len(v))).sum()),
        AttributeValue::Map(all) => field(attributes(all)),
    }
}

/// A field with a length before it.
fn field(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

fn varint_len(n: u64) -> usize {
    (64 - (n | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use console_model::span::SpanStatus;

    use super::*;
    use crate::testing::span;

    #[test]
    fn sizes_are_those_of_the_encoding() {
        let mut s = span(1, 2, None);
        s.name = "abc".to_owned();
        assert_eq!(of(&s), 18 + 10 + 5 + 2 + 18);
        s.parent_span_id = Some(s.span_id);
        s.status = SpanStatus::Error;
        // A key of one byte with a value of 200, whose length takes two bytes: 3 + (2 + (1 + 2 + 200)) and 3 around.
        s.attributes = vec![("k".to_owned(), AttributeValue::String("x".repeat(200)))];
        assert_eq!(of(&s), 53 + 10 + 4 + (3 + 3 + 3 + 203));
        assert_eq!([0, 127, 128, u64::MAX].map(varint_len), [1, 1, 2, 10]);
    }
}
