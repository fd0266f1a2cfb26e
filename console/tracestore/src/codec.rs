//! Spans as a record of the log, and as the head keeps them.
//!
//! A record is sealed as [`console_blockkit::record`] describes. The payload of version 2:
//!
//! 1. string table: count, then each string (length, UTF-8 bytes). `str` below is a reference into it (LEB128).
//! 2. resources: count, then each list of attributes.
//! 3. scopes: count, then each (`str` name, `str` version, list of attributes).
//! 4. number of spans (LEB128), then each span:
//!
//! | field | form |
//! |---|---|
//! | trace id, span id | 16 and 8 raw bytes |
//! | flags | 1 byte: bit 0 a parent follows, bits 1-3 kind, bits 4-5 status |
//! | parent span id | 8 raw bytes, if bit 0 |
//! | start, duration | zigzag LEB128 each, nanoseconds |
//! | service, name, status message | `str` each |
//! | resource, scope | LEB128 each, their place in the lists above |
//! | attributes, events, links | as [`crate::attributes`] says, text as `str` |
//!
//! Version 1, which is still read, has no lists of resources and scopes: after the status message come scope name and
//! scope version, then attributes, resource, events and links.

use std::{collections::HashMap, sync::Arc};

use console_blockkit::record::{self, Reader, RecordError, Table, Writer};
use console_model::span::{AttributeValue, Attributes, Span, SpanId, TraceId};
use foldhash::fast::RandomState;

use crate::{
    attributes::{
        PutText, TakeText, put_attributes, put_events, put_links, take_attributes, take_events, take_links,
        take_list, take_pairs,
    },
    value::{Row, Scope, kind_code, kind_of, status_code, status_of},
};

const VERSION: u8 = 2;
/// A record never inflates past this.
pub const MAX_PAYLOAD: usize = 64 << 20;
/// What a batch costs beside its payload and tables.
const OVERHEAD: usize = 256;

/// The spans of one record, encoded once: for the log and for memory.
#[derive(Debug)]
pub struct Batch {
    payload: Vec<u8>,
    /// Start and length of each string of the table.
    strings: Box<[(u32, u32)]>,
    resources: Vec<Arc<Attributes>>,
    scopes: Vec<Arc<Scope>>,
    spans: Vec<SpanPlace>,
}

/// A span of a batch, by what the head asks first.
#[derive(Clone, Copy, Debug)]
pub struct SpanPlace {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub start_ns: i64,
    at: u32,
}

#[derive(Default)]
struct TableWriter<'s> {
    ids: HashMap<&'s str, u32, RandomState>,
    strings: Vec<(u32, u32)>,
    bytes: Writer,
}

impl TableWriter<'_> {
    fn add(&mut self, text: &str) -> u32 {
        self.bytes.uint(text.len() as u64);
        self.strings.push((self.bytes.bytes.len() as u32, text.len() as u32));
        self.bytes.raw(text.as_bytes());
        self.strings.len() as u32 - 1
    }
}

impl<'s> PutText<'s> for TableWriter<'s> {
    fn put(&mut self, out: &mut Writer, text: &'s str) {
        let id = match self.ids.get(text) {
            Some(id) => *id,
            None => {
                let id = self.add(text);
                self.ids.insert(text, id);
                id
            }
        };
        out.uint(u64::from(id));
    }

    fn put_owned(&mut self, out: &mut Writer, text: String) {
        let id = self.add(&text);
        out.uint(u64::from(id));
    }
}

struct Texts<'a> {
    payload: &'a [u8],
    strings: &'a [(u32, u32)],
}

impl<'a> TakeText<'a> for Texts<'a> {
    fn take(&self, from: &mut Reader<'a>) -> Result<&'a str, RecordError> {
        let id = from.uint()?;
        let (start, length) =
            *usize::try_from(id).ok().and_then(|i| self.strings.get(i)).ok_or(RecordError::Reference)?;
        let bytes = self.payload.get(start as usize..(start + length) as usize).ok_or(RecordError::Short)?;
        std::str::from_utf8(bytes).map_err(|_| RecordError::Utf8)
    }
}

impl Batch {
    pub fn encode(spans: &[Span]) -> Self {
        let mut table = TableWriter::default();
        let (mut out, mut sets) = (Writer::default(), Writer::default());
        let mut resources: Vec<&Attributes> = Vec::new();
        let mut scopes: Vec<&Span> = Vec::new();
        let mut places = Vec::with_capacity(spans.len());
        for span in spans {
            // Spans of one resource follow each other: the last few are looked at.
            let resource = place_of(&mut resources, &span.resource, identical);
            let scope = place_of(&mut scopes, span, |a, b| {
                (&a.scope_name, &a.scope_version) == (&b.scope_name, &b.scope_version)
                    && identical(&a.scope_attributes, &b.scope_attributes)
            });
            let at = out.bytes.len() as u32;
            places.push(SpanPlace {
                trace_id: span.trace_id,
                span_id: span.span_id,
                start_ns: span.start_ns,
                at,
            });
            put_span(&mut out, &mut table, span, resource, scope);
        }
        sets.uint(resources.len() as u64);
        for resource in &resources {
            put_attributes(&mut sets, &mut table, resource);
        }
        sets.uint(scopes.len() as u64);
        for scope in &scopes {
            table.put(&mut sets, &scope.scope_name);
            table.put(&mut sets, &scope.scope_version);
            put_attributes(&mut sets, &mut table, &scope.scope_attributes);
        }
        // What stays in memory takes no more room than it needs.
        let length = table.bytes.bytes.len() + sets.bytes.len() + out.bytes.len() + 16;
        let mut head = Writer { bytes: Vec::with_capacity(length) };
        head.uint(table.strings.len() as u64);
        let shift = head.bytes.len() as u32;
        head.raw(&table.bytes.bytes);
        head.raw(&sets.bytes);
        head.uint(spans.len() as u64);
        let body = head.bytes.len() as u32;
        head.raw(&out.bytes);
        for string in &mut table.strings {
            string.0 += shift;
        }
        for place in &mut places {
            place.at += body;
        }
        Self {
            payload: head.bytes,
            strings: table.strings.into_boxed_slice(),
            resources: resources.into_iter().map(|r| Arc::new(r.clone())).collect(),
            scopes: scopes.into_iter().map(|s| Arc::new(scope_of(s))).collect(),
            spans: places,
        }
    }

    /// Bytes of the payload: a larger one than [`MAX_PAYLOAD`] could not be read from the log again.
    pub fn payload_bytes(&self) -> usize {
        self.payload.len()
    }

    /// The sealed record of these spans.
    pub fn seal(&self) -> Vec<u8> {
        record::seal(VERSION, &self.payload)
    }

    /// The batch of a record, of this version or of the first.
    pub fn open(bytes: &[u8]) -> Result<Self, RecordError> {
        let (version, payload) = record::open(bytes, MAX_PAYLOAD)?;
        match version {
            1 => decode_version_1(&payload).map(|spans| Self::encode(&spans)),
            VERSION => Self::parse(payload),
            newer => Err(RecordError::Version(newer)),
        }
    }

    fn parse(payload: Vec<u8>) -> Result<Self, RecordError> {
        let offset = |r: &Reader<'_>| (payload.len() - r.rest().len()) as u32;
        let mut r = Reader::new(&payload);
        let strings = take_list(&mut r, |r| {
            let text = r.text()?;
            Ok((offset(r) - text.len() as u32, text.len() as u32))
        })?
        .into_boxed_slice();
        let texts = Texts { payload: &payload, strings: &strings };
        let resources = take_list(&mut r, |r| take_attributes(r, &texts).map(Arc::new))?;
        let scopes = take_list(&mut r, |r| {
            let (name, version) = (texts.take(r)?.to_owned(), texts.take(r)?.to_owned());
            Ok(Arc::new(Scope { name, version, attributes: take_attributes(r, &texts)? }))
        })?;
        let spans = take_list(&mut r, |r| {
            let at = offset(r);
            // Everything is looked at once: what the head keeps can be read.
            let row = take_row(r, &texts, &resources, &scopes)?;
            Ok(SpanPlace { trace_id: row.trace_id, span_id: row.span_id, start_ns: row.start_ns, at })
        })?;
        Ok(Self { payload, strings, resources, scopes, spans })
    }

    pub fn spans(&self) -> &[SpanPlace] {
        &self.spans
    }

    pub fn row(&self, number: u32) -> Result<Row<'_>, RecordError> {
        let place = self.spans.get(number as usize).ok_or(RecordError::Reference)?;
        let texts = Texts { payload: &self.payload, strings: &self.strings };
        let bytes = self.payload.get(place.at as usize..).ok_or(RecordError::Short)?;
        take_row(&mut Reader::new(bytes), &texts, &self.resources, &self.scopes)
    }

    /// Whether some text of the batch is this one.
    pub fn has_text(&self, wanted: &str) -> bool {
        let is = |(start, length): &(u32, u32)| {
            *length as usize == wanted.len()
                && self.payload.get(*start as usize..(start + length) as usize) == Some(wanted.as_bytes())
        };
        self.strings.iter().any(is)
    }

    pub fn memory_bytes(&self) -> usize {
        OVERHEAD
            + self.payload.len()
            + self.strings.len() * 8
            + self.spans.len() * size_of::<SpanPlace>()
            + (self.resources.len() + self.scopes.len()) * OVERHEAD
    }
}

fn place_of<'s, T>(known: &mut Vec<&'s T>, wanted: &'s T, same: impl Fn(&T, &T) -> bool) -> u64 {
    const LOOK_BACK: usize = 4;
    let from = known.len().saturating_sub(LOOK_BACK);
    match known[from..].iter().rposition(|k| same(k, wanted)) {
        Some(at) => (from + at) as u64,
        None => {
            known.push(wanted);
            known.len() as u64 - 1
        }
    }
}

/// As `==`, and both zeros are told apart.
fn identical(a: &Attributes, b: &Attributes) -> bool {
    fn value(a: &AttributeValue, b: &AttributeValue) -> bool {
        match (a, b) {
            (AttributeValue::Double(a), AttributeValue::Double(b)) => a.to_bits() == b.to_bits(),
            (AttributeValue::Array(a), AttributeValue::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| value(a, b))
            }
            (AttributeValue::Map(a), AttributeValue::Map(b)) => identical(a, b),
            _ => a == b,
        }
    }
    a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && value(a, b))
}

fn scope_of(span: &Span) -> Scope {
    Scope {
        name: span.scope_name.clone(),
        version: span.scope_version.clone(),
        attributes: span.scope_attributes.clone(),
    }
}

/// One sealed record of these spans.
pub fn encode(spans: &[Span]) -> Vec<u8> {
    Batch::encode(spans).seal()
}

/// The spans of a record.
pub fn decode(bytes: &[u8]) -> Result<Vec<Span>, RecordError> {
    let batch = Batch::open(bytes)?;
    (0..batch.spans.len()).map(|n| batch.row(n as u32).map(Row::into_span)).collect()
}

fn put_span<'s>(out: &mut Writer, table: &mut TableWriter<'s>, span: &'s Span, resource: u64, scope: u64) {
    out.raw(&span.trace_id.0);
    out.raw(&span.span_id.0);
    let flags = kind_code(span.kind) << 1 | status_code(span.status) << 4;
    out.u8(u8::from(span.parent_span_id.is_some()) | flags);
    if let Some(parent) = span.parent_span_id {
        out.raw(&parent.0);
    }
    out.int(span.start_ns);
    out.int(span.duration_ns);
    for text in [&span.service, &span.name, &span.status_message] {
        table.put(out, text);
    }
    out.uint(resource);
    out.uint(scope);
    put_attributes(out, table, &span.attributes);
    put_events(out, table, &span.events);
    put_links(out, table, &span.links);
}

fn take_row<'a>(
    r: &mut Reader<'a>,
    texts: &Texts<'a>,
    resources: &'a [Arc<Attributes>],
    scopes: &'a [Arc<Scope>],
) -> Result<Row<'a>, RecordError> {
    fn pick<'a, T>(r: &mut Reader<'_>, of: &'a [T]) -> Result<&'a T, RecordError> {
        usize::try_from(r.uint()?).ok().and_then(|i| of.get(i)).ok_or(RecordError::Reference)
    }
    let trace_id = TraceId(r.array()?);
    let span_id = SpanId(r.array()?);
    let flags = r.u8()?;
    let parent = if flags & 1 == 1 { Some(SpanId(r.array()?)) } else { None };
    Ok(Row {
        trace_id,
        span_id,
        parent,
        kind: kind_of(flags >> 1 & 7).ok_or(RecordError::Tag)?,
        status: status_of(flags >> 4 & 3).ok_or(RecordError::Tag)?,
        start_ns: r.int()?,
        duration_ns: r.int()?,
        service: texts.take(r)?,
        name: texts.take(r)?,
        status_message: texts.take(r)?,
        resource: pick(r, resources)?,
        scope: pick(r, scopes)?,
        attributes: take_pairs(r, texts)?,
        events: take_events(r, texts)?,
        links: take_links(r, texts)?,
    })
}

fn decode_version_1(payload: &[u8]) -> Result<Vec<Span>, RecordError> {
    let mut reader = Reader::new(payload);
    let table = Table::read(&mut reader)?;
    let text = |r: &mut Reader<'_>| table.text(r).map(str::to_owned);
    take_list(&mut reader, |r| {
        let trace_id = TraceId(r.array()?);
        let span_id = SpanId(r.array()?);
        let flags = r.u8()?;
        let parent_span_id = if flags & 1 == 1 { Some(SpanId(r.array()?)) } else { None };
        Ok(Span {
            trace_id,
            span_id,
            parent_span_id,
            kind: kind_of(flags >> 1 & 7).ok_or(RecordError::Tag)?,
            status: status_of(flags >> 4 & 3).ok_or(RecordError::Tag)?,
            start_ns: r.int()?,
            duration_ns: r.int()?,
            service: text(r)?,
            name: text(r)?,
            status_message: text(r)?,
            scope_name: text(r)?,
            scope_version: text(r)?,
            scope_attributes: Vec::new(),
            attributes: take_attributes(r, &table)?,
            resource: take_attributes(r, &table)?,
            events: take_events(r, &table)?,
            links: take_links(r, &table)?,
        })
    })
}
