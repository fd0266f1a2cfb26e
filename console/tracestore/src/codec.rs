//! Spans as bytes, on disk and in memory.
//!
//! A record is sealed as [`console_blockkit::record`] describes, with version 1. Its payload:
//!
//! 1. string table: count, then each string (length, UTF-8 bytes). `str` below is a reference into it (LEB128).
//! 2. number of spans (LEB128), then each span:
//!
//! | field | form |
//! |---|---|
//! | trace id, span id | 16 and 8 raw bytes |
//! | flags | 1 byte: bit 0 a parent follows, bits 1-3 kind, bits 4-5 status |
//! | parent span id | 8 raw bytes, if bit 0 |
//! | start, duration | zigzag LEB128 each, nanoseconds |
//! | service, name, status message, scope name, scope version | `str` each |
//! | attributes, resource | list: count, then (`str` key, value) |
//! | events | count, then (zigzag time, `str` name, attribute list) |
//! | links | count, then (16 bytes, 8 bytes, attribute list) |
//!
//! A value is a tag byte and its content: 0 `str`, 1 false, 2 true, 3 zigzag integer, 4 eight bytes of a little-endian
//! IEEE 754 double, 5 bytes with length, 6 count and values, 7 count and (`str`, value) pairs. Values nest 16 deep.

use console_blockkit::record::{self, Reader, RecordError, Table, TableBuilder, Writer};
use console_model::span::{
    AttributeValue, Attributes, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, TraceId,
};

const VERSION: u8 = 1;
const MAX_DEPTH: usize = 16;
/// A record never inflates past this.
pub const MAX_PAYLOAD: usize = 64 << 20;

const KINDS: [SpanKind; 6] = [
    SpanKind::Unspecified,
    SpanKind::Internal,
    SpanKind::Server,
    SpanKind::Client,
    SpanKind::Producer,
    SpanKind::Consumer,
];
const STATUSES: [SpanStatus; 3] = [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error];

/// One sealed record of these spans.
pub fn encode<'a>(spans: impl ExactSizeIterator<Item = &'a Span>) -> Vec<u8> {
    let mut table = TableBuilder::default();
    let mut out = Writer::default();
    out.uint(spans.len() as u64);
    for span in spans {
        write_span(&mut out, &mut table, span);
    }
    record::seal(VERSION, &table.finish(&out.bytes))
}

/// The spans of a record.
pub fn decode(bytes: &[u8]) -> Result<Vec<Span>, RecordError> {
    let (version, payload) = record::open(bytes, MAX_PAYLOAD)?;
    if version != VERSION {
        return Err(RecordError::Encoding);
    }
    let mut reader = Reader::new(&payload);
    let table = Table::read(&mut reader)?;
    let n = reader.count()?;
    (0..n).map(|_| read_span(&mut reader, &table)).collect()
}

fn write_span(out: &mut Writer, table: &mut TableBuilder, span: &Span) {
    out.raw(&span.trace_id.0);
    out.raw(&span.span_id.0);
    let kind = KINDS.iter().position(|k| *k == span.kind).unwrap_or(0) as u8;
    let status = STATUSES.iter().position(|s| *s == span.status).unwrap_or(0) as u8;
    out.u8(u8::from(span.parent_span_id.is_some()) | kind << 1 | status << 4);
    if let Some(parent) = span.parent_span_id {
        out.raw(&parent.0);
    }
    out.int(span.start_ns);
    out.int(span.duration_ns);
    for text in [&span.service, &span.name, &span.status_message, &span.scope_name, &span.scope_version] {
        out.uint(table.id(text));
    }
    write_attributes(out, table, &span.attributes);
    write_attributes(out, table, &span.resource);
    out.uint(span.events.len() as u64);
    for event in &span.events {
        out.int(event.t_ns);
        out.uint(table.id(&event.name));
        write_attributes(out, table, &event.attributes);
    }
    out.uint(span.links.len() as u64);
    for link in &span.links {
        out.raw(&link.trace_id.0);
        out.raw(&link.span_id.0);
        write_attributes(out, table, &link.attributes);
    }
}

fn write_attributes(out: &mut Writer, table: &mut TableBuilder, attributes: &Attributes) {
    out.uint(attributes.len() as u64);
    for (key, value) in attributes {
        out.uint(table.id(key));
        write_value(out, table, value, 0);
    }
}

fn write_value(out: &mut Writer, table: &mut TableBuilder, value: &AttributeValue, depth: usize) {
    match value {
        // Deeper than any reader accepts: kept as its text.
        AttributeValue::Array(_) | AttributeValue::Map(_) if depth >= MAX_DEPTH => {
            out.u8(0);
            out.uint(table.id(&value.to_string()));
        }
        AttributeValue::String(s) => {
            out.u8(0);
            out.uint(table.id(s));
        }
        AttributeValue::Bool(b) => out.u8(1 + u8::from(*b)),
        AttributeValue::Int(i) => {
            out.u8(3);
            out.int(*i);
        }
        AttributeValue::Double(d) => {
            out.u8(4);
            out.raw(&d.to_le_bytes());
        }
        AttributeValue::Bytes(b) => {
            out.u8(5);
            out.blob(b);
        }
        AttributeValue::Array(items) => {
            out.u8(6);
            out.uint(items.len() as u64);
            for item in items {
                write_value(out, table, item, depth + 1);
            }
        }
        AttributeValue::Map(entries) => {
            out.u8(7);
            out.uint(entries.len() as u64);
            for (key, item) in entries {
                out.uint(table.id(key));
                write_value(out, table, item, depth + 1);
            }
        }
    }
}

fn read_span(r: &mut Reader<'_>, table: &Table<'_>) -> Result<Span, RecordError> {
    let trace_id = TraceId(r.array()?);
    let span_id = SpanId(r.array()?);
    let flags = r.u8()?;
    let parent_span_id = if flags & 1 == 1 { Some(SpanId(r.array()?)) } else { None };
    Ok(Span {
        trace_id,
        span_id,
        parent_span_id,
        kind: *KINDS.get(usize::from(flags >> 1 & 7)).ok_or(RecordError::Tag)?,
        status: *STATUSES.get(usize::from(flags >> 4 & 3)).ok_or(RecordError::Tag)?,
        start_ns: r.int()?,
        duration_ns: r.int()?,
        service: table.text(r)?.to_owned(),
        name: table.text(r)?.to_owned(),
        status_message: table.text(r)?.to_owned(),
        scope_name: table.text(r)?.to_owned(),
        scope_version: table.text(r)?.to_owned(),
        // Records of this version do not hold them.
        scope_attributes: Vec::new(),
        attributes: read_attributes(r, table)?,
        resource: read_attributes(r, table)?,
        events: read_list(r, |r| {
            Ok(SpanEvent {
                t_ns: r.int()?,
                name: table.text(r)?.to_owned(),
                attributes: read_attributes(r, table)?,
            })
        })?,
        links: read_list(r, |r| {
            Ok(SpanLink {
                trace_id: TraceId(r.array()?),
                span_id: SpanId(r.array()?),
                attributes: read_attributes(r, table)?,
            })
        })?,
    })
}

fn read_list<'a, T>(
    r: &mut Reader<'a>,
    mut item: impl FnMut(&mut Reader<'a>) -> Result<T, RecordError>,
) -> Result<Vec<T>, RecordError> {
    let n = r.count()?;
    (0..n).map(|_| item(r)).collect()
}

fn read_attributes(r: &mut Reader<'_>, table: &Table<'_>) -> Result<Attributes, RecordError> {
    read_list(r, |r| Ok((table.text(r)?.to_owned(), read_value(r, table, 0)?)))
}

fn read_value(r: &mut Reader<'_>, table: &Table<'_>, depth: usize) -> Result<AttributeValue, RecordError> {
    if depth > MAX_DEPTH {
        return Err(RecordError::TooLarge);
    }
    Ok(match r.u8()? {
        0 => AttributeValue::String(table.text(r)?.to_owned()),
        1 => AttributeValue::Bool(false),
        2 => AttributeValue::Bool(true),
        3 => AttributeValue::Int(r.int()?),
        4 => AttributeValue::Double(f64::from_le_bytes(r.array()?)),
        5 => AttributeValue::Bytes(r.blob()?.to_vec()),
        6 => AttributeValue::Array(read_list(r, |r| read_value(r, table, depth + 1))?),
        7 => AttributeValue::Map(read_list(r, |r| {
            Ok((table.text(r)?.to_owned(), read_value(r, table, depth + 1)?))
        })?),
        _ => return Err(RecordError::Tag),
    })
}
