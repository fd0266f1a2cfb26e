//! Attributes, events and links as bytes; the text of them inline or in a table of the record.
//!
//! A list of attributes is its count, then (key, value) pairs. A value is a tag byte and its content: 0 text, 1 false, 2 true,
//! 3 zigzag integer, 4 eight bytes of a little-endian IEEE 754 double, 5 bytes with length, 6 count and values, 7 count and
//! (key, value) pairs. Values nest 16 deep. Events are a count, then (zigzag time, name, attributes); links a count, then
//! (16 bytes, 8 bytes, attributes).

use console_blockkit::record::{Reader, RecordError, Table, Writer};
use console_model::span::{AttributeValue, Attributes, SpanEvent, SpanId, SpanLink, TraceId};

use crate::value::Value;

pub const MAX_DEPTH: usize = 16;

/// Where text goes.
pub trait PutText<'s> {
    fn put(&mut self, out: &mut Writer, text: &'s str);

    fn put_owned(&mut self, out: &mut Writer, text: String);
}

/// Where text comes from.
pub trait TakeText<'a> {
    fn take(&self, from: &mut Reader<'a>) -> Result<&'a str, RecordError>;
}

/// Length and bytes, in place.
pub struct Inline;

impl<'s> PutText<'s> for Inline {
    fn put(&mut self, out: &mut Writer, text: &'s str) {
        out.blob(text.as_bytes());
    }

    fn put_owned(&mut self, out: &mut Writer, text: String) {
        out.blob(text.as_bytes());
    }
}

impl<'a> TakeText<'a> for Inline {
    fn take(&self, from: &mut Reader<'a>) -> Result<&'a str, RecordError> {
        from.text()
    }
}

impl<'a> TakeText<'a> for Table<'a> {
    fn take(&self, from: &mut Reader<'a>) -> Result<&'a str, RecordError> {
        self.text(from)
    }
}

pub fn put_attributes<'s>(out: &mut Writer, texts: &mut impl PutText<'s>, list: &'s Attributes) {
    out.uint(list.len() as u64);
    for (key, value) in list {
        texts.put(out, key);
        put_value(out, texts, value, 0);
    }
}

pub fn put_value<'s>(
    out: &mut Writer,
    texts: &mut impl PutText<'s>,
    value: &'s AttributeValue,
    depth: usize,
) {
    match value {
        // Deeper than any reader accepts: kept as its text.
        AttributeValue::Array(_) | AttributeValue::Map(_) if depth >= MAX_DEPTH => {
            out.u8(0);
            texts.put_owned(out, value.to_string());
        }
        AttributeValue::String(s) => {
            out.u8(0);
            texts.put(out, s);
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
                put_value(out, texts, item, depth + 1);
            }
        }
        AttributeValue::Map(entries) => {
            out.u8(7);
            out.uint(entries.len() as u64);
            for (key, item) in entries {
                texts.put(out, key);
                put_value(out, texts, item, depth + 1);
            }
        }
    }
}

pub fn put_events<'s>(out: &mut Writer, texts: &mut impl PutText<'s>, events: &'s [SpanEvent]) {
    out.uint(events.len() as u64);
    for event in events {
        out.int(event.t_ns);
        texts.put(out, &event.name);
        put_attributes(out, texts, &event.attributes);
    }
}

pub fn put_links<'s>(out: &mut Writer, texts: &mut impl PutText<'s>, links: &'s [SpanLink]) {
    out.uint(links.len() as u64);
    for link in links {
        out.raw(&link.trace_id.0);
        out.raw(&link.span_id.0);
        put_attributes(out, texts, &link.attributes);
    }
}

pub fn take_list<'a, T>(
    r: &mut Reader<'a>,
    mut item: impl FnMut(&mut Reader<'a>) -> Result<T, RecordError>,
) -> Result<Vec<T>, RecordError> {
    let n = r.count()?;
    // Room is made as items are really there, whatever the count claims.
    let mut out = Vec::with_capacity(n.min(64));
    for _ in 0..n {
        out.push(item(r)?);
    }
    Ok(out)
}

pub fn take_attributes<'a>(r: &mut Reader<'a>, texts: &impl TakeText<'a>) -> Result<Attributes, RecordError> {
    take_list(r, |r| Ok((texts.take(r)?.to_owned(), take_value(r, texts, 0)?)))
}

/// As [`take_attributes`], with borrowed text.
pub fn take_pairs<'a>(
    r: &mut Reader<'a>,
    texts: &impl TakeText<'a>,
) -> Result<Vec<(&'a str, Value<'a>)>, RecordError> {
    take_list(r, |r| Ok((texts.take(r)?, take_borrowed(r, texts)?)))
}

pub fn take_borrowed<'a>(r: &mut Reader<'a>, texts: &impl TakeText<'a>) -> Result<Value<'a>, RecordError> {
    if r.rest().first() == Some(&0) {
        r.u8()?;
        return Ok(Value::Str(texts.take(r)?));
    }
    Ok(match take_value(r, texts, 0)? {
        AttributeValue::Bool(b) => Value::Bool(b),
        AttributeValue::Int(i) => Value::Int(i),
        AttributeValue::Double(d) => Value::Double(d),
        other => Value::Other(other),
    })
}

pub fn take_value<'a>(
    r: &mut Reader<'a>,
    texts: &impl TakeText<'a>,
    depth: usize,
) -> Result<AttributeValue, RecordError> {
    if depth > MAX_DEPTH {
        return Err(RecordError::TooLarge);
    }
    Ok(match r.u8()? {
        0 => AttributeValue::String(texts.take(r)?.to_owned()),
        1 => AttributeValue::Bool(false),
        2 => AttributeValue::Bool(true),
        3 => AttributeValue::Int(r.int()?),
        4 => AttributeValue::Double(f64::from_le_bytes(r.array()?)),
        5 => AttributeValue::Bytes(r.blob()?.to_vec()),
        6 => AttributeValue::Array(take_list(r, |r| take_value(r, texts, depth + 1))?),
        7 => AttributeValue::Map(take_list(r, |r| {
            Ok((texts.take(r)?.to_owned(), take_value(r, texts, depth + 1)?))
        })?),
        _ => return Err(RecordError::Tag),
    })
}

pub fn take_events<'a>(r: &mut Reader<'a>, texts: &impl TakeText<'a>) -> Result<Vec<SpanEvent>, RecordError> {
    take_list(r, |r| {
        Ok(SpanEvent {
            t_ns: r.int()?,
            name: texts.take(r)?.to_owned(),
            attributes: take_attributes(r, texts)?,
        })
    })
}

pub fn take_links<'a>(r: &mut Reader<'a>, texts: &impl TakeText<'a>) -> Result<Vec<SpanLink>, RecordError> {
    take_list(r, |r| {
        Ok(SpanLink {
            trace_id: TraceId(r.array()?),
            span_id: SpanId(r.array()?),
            attributes: take_attributes(r, texts)?,
        })
    })
}
