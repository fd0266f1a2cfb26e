//! Collects the rows of one group as columns and writes them.

use std::collections::{BTreeSet, HashMap, HashSet};

use console_blockkit::{
    part::{PartError, PartWriter, Section},
    record::Writer,
};
use console_model::span::{AttributeValue, SpanId, TraceId};
use foldhash::fast::RandomState;

use super::{
    GROUP_BYTES, GROUP_ROWS, MAX_COLUMNS, MAX_GROUP_ROWS,
    bloom::{Bloom, bool_hash, hashes_of, number_hash, opaque_hash, text_hash},
    column::{TextBuilder, put_ints, seal},
    fixed,
    meta::{AttributeType, ColumnMeta, GroupMeta, Keys},
    sets::{SetBuilder, ShapeBuilder},
};
use crate::{
    attributes::{Inline, put_attributes, put_events, put_links, put_value},
    condition::{EVENT_NAME, Place},
    value::{Row, Value, kind_code, status_code},
};

const BITS_EACH: usize = 10;
/// In shapes: an attribute that lies in the shared column. Others are their column's number plus one.
pub const SHARED: u32 = 0;

enum Data {
    Text(TextBuilder),
    Bool(Vec<u8>),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Other(Writer),
}

struct Column {
    key: String,
    data: Data,
}

#[derive(Default)]
struct TraceRows {
    id: TraceId,
    rows: u64,
    first_ns: i64,
    last_ns: i64,
}

/// Rows of one group; those of a trace follow each other.
#[derive(Default)]
pub struct GroupBuilder {
    traces: Vec<TraceRows>,
    span_ids: Vec<u8>,
    parents: Vec<Option<SpanId>>,
    starts: Vec<i64>,
    durations: Vec<i64>,
    flags: Vec<u8>,
    service: TextBuilder,
    name: TextBuilder,
    message: TextBuilder,
    resource: SetBuilder,
    scope: SetBuilder,
    shape: ShapeBuilder,
    columns: Vec<Column>,
    /// The number of a key's column, by type.
    by_key: HashMap<String, [Option<u32>; AttributeType::ALL.len()], RandomState>,
    shared: Writer,
    events: (Writer, bool),
    links: (Writer, bool),
    hashes: HashSet<u64, RandomState>,
    keys: [BTreeSet<String>; Place::ALL.len()],
    bytes: usize,
    scratch: Vec<u32>,
}

impl GroupBuilder {
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Whether the group ends here, at the end of a trace.
    pub fn is_full(&self) -> bool {
        self.starts.len() >= GROUP_ROWS || self.bytes >= GROUP_BYTES
    }

    /// Whether the group ends here, even within a trace.
    pub fn is_over(&self) -> bool {
        self.starts.len() >= MAX_GROUP_ROWS || self.bytes >= 2 * GROUP_BYTES
    }

    /// Rows pushed so far may come from memory that goes away now.
    pub fn forget_addresses(&mut self) {
        self.resource.forget_addresses();
        self.scope.forget_addresses();
    }

    /// Adds a row; answers whether it begins a trace of this group.
    pub fn push(&mut self, row: &Row<'_>) -> bool {
        let begins = self.traces.last().is_none_or(|t| t.id != row.trace_id);
        if begins {
            self.traces.push(TraceRows {
                id: row.trace_id,
                rows: 0,
                first_ns: row.start_ns,
                last_ns: row.start_ns,
            });
        }
        if let Some(trace) = self.traces.last_mut() {
            trace.rows += 1;
            trace.first_ns = trace.first_ns.min(row.start_ns);
            trace.last_ns = trace.last_ns.max(row.start_ns);
        }
        self.span_ids.extend_from_slice(&row.span_id.0);
        self.parents.push(row.parent);
        self.starts.push(row.start_ns);
        self.durations.push(row.duration_ns);
        self.flags.push(kind_code(row.kind) | status_code(row.status) << 4);
        self.service.push(row.service);
        self.name.push(row.name);
        self.message.push(row.status_message);
        if let Some(bytes) =
            self.resource.push(row.resource, |out, list| put_attributes(out, &mut Inline, list))
        {
            self.bytes += bytes;
            self.note(Place::Resource, row.resource.as_slice());
        }
        let put_scope = |out: &mut Writer, scope: &crate::value::Scope| {
            out.blob(scope.name.as_bytes());
            out.blob(scope.version.as_bytes());
            put_attributes(out, &mut Inline, &scope.attributes);
        };
        if let Some(bytes) = self.scope.push(row.scope, put_scope) {
            self.bytes += bytes;
            self.note(Place::Scope, row.scope.attributes.as_slice());
        }
        self.bytes += 64 + row.name.len() + row.status_message.len();
        let mut shape = std::mem::take(&mut self.scratch);
        shape.clear();
        for (key, value) in &row.attributes {
            shape.push(self.attribute(key, value));
        }
        self.shape.push(&shape);
        self.scratch = shape;
        self.events_and_links(row);
        begins
    }

    fn events_and_links(&mut self, row: &Row<'_>) {
        let before = self.events.0.bytes.len() + self.links.0.bytes.len();
        put_events(&mut self.events.0, &mut Inline, &row.events);
        put_links(&mut self.links.0, &mut Inline, &row.links);
        self.bytes += self.events.0.bytes.len() + self.links.0.bytes.len() - before;
        let name_key = (!row.events.is_empty()).then(|| Place::Event.key_hash(EVENT_NAME));
        for event in &row.events {
            self.events.1 = true;
            self.hashes.extend(name_key.map(|key| text_hash(key, &event.name)));
            self.note(Place::Event, &event.attributes);
        }
        for link in &row.links {
            self.links.1 = true;
            self.note(Place::Link, &link.attributes);
        }
    }

    /// Keys and hashes of attributes that are not in columns.
    fn note(&mut self, place: Place, attributes: &[(String, AttributeValue)]) {
        for (key, value) in attributes {
            self.note_one(place, key, &Value::from(value));
        }
    }

    fn note_one(&mut self, place: Place, key: &str, value: &Value<'_>) {
        if !self.keys[place as usize].contains(key) {
            self.keys[place as usize].insert(key.to_owned());
        }
        hashes_of(place.key_hash(key), value, &mut |h| {
            self.hashes.insert(h);
        });
    }

    /// Puts an attribute of a span into its column; answers its element of the shape.
    fn attribute(&mut self, key: &str, value: &Value<'_>) -> u32 {
        let of = match value {
            Value::Str(_) => AttributeType::Text,
            Value::Bool(_) => AttributeType::Bool,
            Value::Int(_) => AttributeType::Int,
            Value::Double(_) => AttributeType::Double,
            Value::Other(_) => AttributeType::Other,
        };
        let known = self.by_key.get(key).and_then(|numbers| numbers[of as usize]);
        let Some(number) = known.or_else(|| self.begin_column(key, of)) else {
            let owned = value.to_owned();
            let before = self.shared.bytes.len();
            self.shared.blob(key.as_bytes());
            put_value(&mut self.shared, &mut Inline, &owned, 0);
            self.bytes += self.shared.bytes.len() - before;
            self.note_one(Place::Span, key, value);
            return SHARED;
        };
        self.bytes += 8;
        match (&mut self.columns[number as usize].data, value) {
            (Data::Text(texts), Value::Str(s)) => {
                self.bytes += s.len();
                texts.push(s);
            }
            (Data::Bool(values), Value::Bool(b)) => values.push(u8::from(*b)),
            (Data::Int(values), Value::Int(i)) => values.push(*i),
            (Data::Double(values), Value::Double(d)) => values.push(*d),
            (Data::Other(out), Value::Other(v)) => {
                let before = out.bytes.len();
                put_value(out, &mut Inline, v, 0);
                self.bytes += out.bytes.len() - before;
                hashes_of(Place::Span.key_hash(key), value, &mut |h| {
                    self.hashes.insert(h);
                });
            }
            // The number was chosen by the value's type.
            _ => {}
        }
        number + 1
    }

    fn begin_column(&mut self, key: &str, of: AttributeType) -> Option<u32> {
        if self.columns.len() >= MAX_COLUMNS {
            return None;
        }
        let number = self.columns.len() as u32;
        let data = match of {
            AttributeType::Text => Data::Text(TextBuilder::default()),
            AttributeType::Bool => Data::Bool(Vec::new()),
            AttributeType::Int => Data::Int(Vec::new()),
            AttributeType::Double => Data::Double(Vec::new()),
            AttributeType::Other => Data::Other(Writer::default()),
        };
        self.columns.push(Column { key: key.to_owned(), data });
        self.by_key.entry(key.to_owned()).or_default()[of as usize] = Some(number);
        Some(number)
    }

    /// Writes the columns.
    pub fn finish(mut self, writer: &mut PartWriter<'_>, keys: &mut Keys) -> Result<GroupMeta, PartError> {
        let mut meta = GroupMeta { rows: self.starts.len() as u32, ..GroupMeta::default() };
        let min = |values: &[i64]| values.iter().copied().min().unwrap_or(0);
        let max = |values: &[i64]| values.iter().copied().max().unwrap_or(0);
        (meta.first_ns, meta.last_ns) = (min(&self.starts), max(&self.starts));
        (meta.min_duration_ns, meta.max_duration_ns) = (min(&self.durations), max(&self.durations));
        meta.newest_trace_ns = self.traces.iter().map(|t| t.first_ns).max().unwrap_or(0);
        for flags in &self.flags {
            meta.kinds |= 1 << (flags & 15);
            meta.statuses |= 1 << (flags >> 4);
        }
        let mut put = |at: usize, payload: Vec<u8>| {
            meta.sections[at] = writer.section(&seal(&payload)?)?;
            Ok::<_, PartError>(())
        };
        put(fixed::TRACES, self.put_traces(meta.first_ns))?;
        put(fixed::PARENTS, self.put_parents())?;
        put(fixed::SPAN_IDS, std::mem::take(&mut self.span_ids))?;
        put(fixed::STARTS, self.put_starts())?;
        put(fixed::DURATIONS, put_ints(self.durations.iter().copied()))?;
        put(fixed::FLAGS, std::mem::take(&mut self.flags))?;
        put(fixed::SERVICE, self.service.finish())?;
        put(fixed::NAME, self.name.finish())?;
        put(fixed::MESSAGE, self.message.finish())?;
        put(fixed::RESOURCE, self.resource.finish())?;
        put(fixed::SCOPE, self.scope.finish())?;
        put(fixed::SHAPE, self.shape.finish())?;
        if !self.shared.bytes.is_empty() {
            put(fixed::OVERFLOW, std::mem::take(&mut self.shared.bytes))?;
        }
        if self.events.1 {
            put(fixed::EVENTS, std::mem::take(&mut self.events.0.bytes))?;
        }
        if self.links.1 {
            put(fixed::LINKS, std::mem::take(&mut self.links.0.bytes))?;
        }
        for column in &self.columns {
            let (of, payload) = encode(column, &mut self.hashes);
            let section: Section = writer.section(&seal(&payload)?)?;
            meta.columns.push(ColumnMeta { key: keys.id(&column.key), of, section });
        }
        let service_key = Place::Resource.key_hash("service.name");
        self.hashes.extend(self.service.distinct().map(|s| text_hash(service_key, s)));
        let bloom = Bloom::new(self.hashes.iter().copied(), BITS_EACH);
        meta.sections[fixed::BLOOM] = writer.section(bloom.bytes())?;
        for (to, names) in meta.keys.iter_mut().zip(&self.keys) {
            *to = names.iter().map(|name| keys.id(name)).collect();
            to.sort_unstable();
        }
        Ok(meta)
    }

    fn put_traces(&self, group_first_ns: i64) -> Vec<u8> {
        let mut out = Writer::default();
        out.uint(self.traces.len() as u64);
        for trace in &self.traces {
            out.raw(&trace.id.0);
            out.uint(trace.rows);
            out.int(trace.first_ns.wrapping_sub(group_first_ns));
            out.int(trace.last_ns.wrapping_sub(trace.first_ns));
        }
        out.bytes
    }

    /// Starts of rows, after the first start of their trace.
    fn put_starts(&self) -> Vec<u8> {
        let firsts = self.traces.iter().flat_map(|t| std::iter::repeat_n(t.first_ns, t.rows as usize));
        put_ints(self.starts.iter().zip(firsts).map(|(start, first)| start.wrapping_sub(first)))
    }

    /// 0 none, 1 one that is not among the trace's rows (its bytes stand at the end), else its row in the trace plus two.
    fn put_parents(&self) -> Vec<u8> {
        let (mut out, mut others) = (Writer::default(), Writer::default());
        let mut at = 0;
        let mut rows_of: HashMap<&[u8], u64, RandomState> = HashMap::default();
        for trace in &self.traces {
            let end = at + trace.rows as usize;
            rows_of.clear();
            let ids = self.span_ids[at * 8..end * 8].chunks_exact(8);
            rows_of.extend(ids.zip(0u64..));
            for parent in &self.parents[at..end] {
                match parent {
                    None => out.uint(0),
                    Some(id) => match rows_of.get(id.0.as_slice()) {
                        Some(row) => out.uint(row + 2),
                        None => {
                            out.uint(1);
                            others.raw(&id.0);
                        }
                    },
                }
            }
            at = end;
        }
        out.raw(&others.bytes);
        out.bytes
    }
}

fn encode(column: &Column, hashes: &mut HashSet<u64, RandomState>) -> (AttributeType, Vec<u8>) {
    let key = Place::Span.key_hash(&column.key);
    match &column.data {
        Data::Text(texts) => {
            hashes.extend(texts.distinct().map(|t| text_hash(key, t)));
            (AttributeType::Text, texts.finish())
        }
        Data::Bool(values) => {
            hashes.extend(values.iter().map(|b| bool_hash(key, *b == 1)));
            (AttributeType::Bool, values.clone())
        }
        Data::Int(values) => {
            hashes.extend(values.iter().map(|v| number_hash(key, *v as f64)));
            (AttributeType::Int, put_ints(values.iter().copied()))
        }
        Data::Double(values) => {
            // What is no number is equal to nothing; what a search says of it, the engine decides.
            let of = |v: &f64| if v.is_nan() { opaque_hash(key) } else { number_hash(key, *v) };
            hashes.extend(values.iter().map(of));
            (AttributeType::Double, values.iter().flat_map(|v| v.to_le_bytes()).collect())
        }
        Data::Other(out) => (AttributeType::Other, out.bytes.clone()),
    }
}
