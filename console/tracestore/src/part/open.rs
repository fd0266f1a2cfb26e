//! An open part: its index in memory, its columns read when asked for.

use std::sync::Arc;

use console_blockkit::{
    part::{Part, PartCache, PartError, Section},
    record::{Reader, RecordError},
};
use console_model::span::{AttributeValue, Attributes, SpanEvent, SpanId, SpanLink, TraceId};

use super::{
    bloom::{Bloom, trace_hash},
    build::Late,
    column::{TextColumn, take_ints, unseal},
    fixed,
    full::FullGroup,
    meta::{AttributeType, Directory},
    sets::Sets,
};
use crate::{
    attributes::{Inline, take_attributes, take_events, take_links, take_list, take_value},
    value::Scope,
};

/// Sections that belong to no group have this number of a group in the cache.
const WHOLE: u32 = u32::MAX;
const DIRECTORY: u32 = 0;
const LATE: u32 = 1;
const FIRST_PAGE: u32 = 2;
/// The place of a whole decoded group.
const FULL: u32 = u32::MAX;

/// What was decoded, by group and place.
pub type Cache = PartCache<(u32, u32), Cached>;

#[derive(Clone, Debug)]
pub enum Cached {
    Directory(Arc<Directory>),
    Late(Arc<Vec<Late>>),
    Page(Arc<Vec<([u8; 8], u32)>>),
    Traces(Arc<Vec<TraceRow>>),
    Bytes(Arc<Vec<u8>>),
    Ints(Arc<Vec<i64>>),
    Texts(Arc<TextColumn>),
    Resources(Arc<Sets<Arc<Attributes>>>),
    Scopes(Arc<Sets<Arc<Scope>>>),
    Shapes(Arc<Sets<Vec<u32>>>),
    Attributes(Arc<AttributeColumn>),
    Events(Arc<Vec<Vec<SpanEvent>>>),
    Bloom(Arc<Bloom>),
    Full(Arc<FullGroup>),
}

/// The rows of a trace in a group.
#[derive(Clone, Copy, Debug)]
pub struct TraceRow {
    pub id: TraceId,
    pub first_row: u32,
    pub rows: u32,
    pub first_ns: i64,
    pub last_ns: i64,
}

/// Values of one key and type, of the rows that have it, in their order.
#[derive(Debug)]
pub enum AttributeColumn {
    Text(TextColumn),
    Bool(Vec<u8>),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Other(Vec<AttributeValue>),
}

/// What a part has of one trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    pub spans: u64,
    pub first_ns: i64,
    pub last_ns: i64,
}

impl Piece {
    /// Both together.
    pub fn join(self, other: Self) -> Self {
        Self {
            spans: self.spans + other.spans,
            first_ns: self.first_ns.min(other.first_ns),
            last_ns: self.last_ns.max(other.last_ns),
        }
    }
}

#[derive(Debug)]
pub struct OpenPart {
    pub part: Arc<Part>,
    pub traces: u64,
    directory: Section,
    late: Section,
    bloom: Bloom,
    pages: Vec<(TraceId, Section)>,
    cache: Arc<Cache>,
}

macro_rules! cached {
    ($self:ident, $group:expr, $place:expr, $variant:ident, $make:expr, $bytes:expr) => {{
        if let Some(Cached::$variant(found)) = $self.cache.find($self.part.sequence, ($group, $place)) {
            return Ok(found);
        }
        let made = Arc::new($make?);
        let bytes: usize = ($bytes)(&*made);
        $self.cache.put(
            $self.part.sequence,
            ($group, $place),
            Cached::$variant(Arc::clone(&made)),
            bytes + 64,
        );
        Ok(made)
    }};
}

impl OpenPart {
    pub fn load(part: Arc<Part>, footer: &[u8], cache: Arc<Cache>) -> Result<Self, PartError> {
        let mut r = Reader::new(footer);
        let traces = r.uint()?;
        let (directory, late) = (Section::take(&mut r)?, Section::take(&mut r)?);
        let bloom = Bloom::from_bytes(part.read(Section::take(&mut r)?)?);
        let pages = take_list(&mut r, |r| Ok((TraceId(r.array()?), Section::take(r)?)))?;
        Ok(Self { part, traces, directory, late, bloom, pages, cache })
    }

    /// Bytes held for as long as the part is open.
    pub fn memory_bytes(&self) -> usize {
        256 + self.bloom.bytes().len() + self.pages.len() * size_of::<(TraceId, Section)>()
    }

    fn column(&self, section: Section) -> Result<Vec<u8>, PartError> {
        Ok(unseal(&self.part.read(section)?)?)
    }

    pub fn directory(&self) -> Result<Arc<Directory>, PartError> {
        cached!(
            self,
            WHOLE,
            DIRECTORY,
            Directory,
            Directory::parse(&self.column(self.directory)?),
            Directory::memory_bytes
        )
    }

    /// Traces that had spans elsewhere when the part was written.
    pub fn late(&self) -> Result<Arc<Vec<Late>>, PartError> {
        let parse = || {
            take_list(&mut Reader::new(&self.column(self.late)?), |r| {
                Ok(Late { id: TraceId(r.array()?), first_ns: r.int()?, last_ns: r.int()? })
            })
            .map_err(PartError::from)
        };
        cached!(self, WHOLE, LATE, Late, parse(), |v: &Vec<Late>| v.len() * size_of::<Late>())
    }

    fn page(&self, number: usize) -> Result<Arc<Vec<([u8; 8], u32)>>, PartError> {
        let parse = || {
            let payload = self.column(self.pages[number].1)?;
            take_list(&mut Reader::new(&payload), |r| {
                Ok((r.array()?, u32::try_from(r.uint()?).map_err(|_| RecordError::Reference)?))
            })
            .map_err(PartError::from)
        };
        let place = FIRST_PAGE + number as u32;
        cached!(self, WHOLE, place, Page, parse(), |v: &Vec<([u8; 8], u32)>| v.len() * 12)
    }

    /// Whether the part may have a trace: no is certain.
    pub fn may_have(&self, id: TraceId) -> bool {
        self.bloom.may_contain(trace_hash(id))
    }

    /// Groups and places in them that hold rows of a trace.
    pub fn find(&self, id: TraceId) -> Result<Vec<(u32, usize)>, PartError> {
        let mut out = Vec::new();
        if self.part.is_damaged() || !self.may_have(id) {
            return Ok(out);
        }
        let mut page = self.pages.partition_point(|(fence, _)| *fence < id).saturating_sub(1);
        while self.pages.get(page).is_some_and(|(fence, _)| *fence <= id) {
            let entries = self.page(page)?;
            let from = entries.partition_point(|(prefix, _)| prefix.as_slice() < &id.0[..8]);
            for (_, group) in entries[from..].iter().take_while(|(prefix, _)| *prefix == id.0[..8]) {
                let traces = self.trace_rows(*group)?;
                out.extend(traces.iter().position(|t| t.id == id).map(|at| (*group, at)));
            }
            page += 1;
        }
        // Traces whose ids begin alike lead to the same groups.
        out.sort_unstable();
        out.dedup();
        Ok(out)
    }

    /// What the part has of a trace.
    pub fn piece(&self, id: TraceId) -> Result<Option<Piece>, PartError> {
        let mut out: Option<Piece> = None;
        for (group, at) in self.find(id)? {
            let trace = self.trace_rows(group)?[at];
            let piece =
                Piece { spans: u64::from(trace.rows), first_ns: trace.first_ns, last_ns: trace.last_ns };
            out = Some(out.map_or(piece, |o| o.join(piece)));
        }
        Ok(out)
    }

    /// Span id and start of each row of a trace.
    pub fn span_ids(&self, id: TraceId) -> Result<Vec<(SpanId, i64)>, PartError> {
        let mut out = Vec::new();
        for (group, at) in self.find(id)? {
            let trace = self.trace_rows(group)?[at];
            let (ids, starts) = (self.bytes(group, fixed::SPAN_IDS)?, self.ints(group, fixed::STARTS)?);
            for row in trace.first_row as usize..(trace.first_row + trace.rows) as usize {
                let bytes = ids.get(row * 8..row * 8 + 8).ok_or(RecordError::Short)?;
                let start = starts.get(row).ok_or(RecordError::Short)?;
                let mut id = [0; 8];
                id.copy_from_slice(bytes);
                out.push((SpanId(id), trace.first_ns.wrapping_add(*start)));
            }
        }
        Ok(out)
    }

    fn section(&self, group: u32, place: usize) -> Result<Section, PartError> {
        let directory = self.directory()?;
        let meta = directory.groups.get(group as usize).ok_or(RecordError::Reference)?;
        Ok(meta.sections[place])
    }

    pub fn rows_of(&self, group: u32) -> Result<usize, PartError> {
        let directory = self.directory()?;
        Ok(directory.groups.get(group as usize).ok_or(RecordError::Reference)?.rows as usize)
    }

    pub fn trace_rows(&self, group: u32) -> Result<Arc<Vec<TraceRow>>, PartError> {
        let parse = || {
            let first_ns = {
                let directory = self.directory()?;
                directory.groups.get(group as usize).ok_or(RecordError::Reference)?.first_ns
            };
            let payload = self.column(self.section(group, fixed::TRACES)?)?;
            let (limit, mut next) = (self.rows_of(group)? as u64, 0u64);
            let traces = take_list(&mut Reader::new(&payload), |r| {
                let id = TraceId(r.array()?);
                let rows = r.uint()?;
                let first_row = next as u32;
                next = next.checked_add(rows).filter(|n| *n <= limit).ok_or(RecordError::TooLarge)?;
                let first_ns = first_ns.wrapping_add(r.int()?);
                let last_ns = first_ns.wrapping_add(r.int()?);
                Ok(TraceRow { id, first_row, rows: rows as u32, first_ns, last_ns })
            })?;
            if next == limit { Ok(traces) } else { Err(PartError::Damaged("traces do not fill their group")) }
        };
        let place = fixed::TRACES as u32;
        cached!(self, group, place, Traces, parse(), |v: &Vec<TraceRow>| v.len() * size_of::<TraceRow>())
    }

    /// A column of bytes: span ids, parents, flags.
    pub fn bytes(&self, group: u32, place: usize) -> Result<Arc<Vec<u8>>, PartError> {
        let make = || self.column(self.section(group, place)?);
        cached!(self, group, place as u32, Bytes, make(), Vec::len)
    }

    /// A column of numbers, one a row: starts, durations.
    pub fn ints(&self, group: u32, place: usize) -> Result<Arc<Vec<i64>>, PartError> {
        let make = || {
            let values = take_ints(&self.column(self.section(group, place)?)?)?;
            if values.len() == self.rows_of(group)? {
                Ok(values)
            } else {
                Err(PartError::Damaged("a column is too short"))
            }
        };
        cached!(self, group, place as u32, Ints, make(), |v: &Vec<i64>| v.len() * 8)
    }

    /// A column of text, one a row: service, name, status message.
    pub fn texts(&self, group: u32, place: usize) -> Result<Arc<TextColumn>, PartError> {
        let make = || {
            let column = TextColumn::parse(&self.column(self.section(group, place)?)?)?;
            if column.rows() == self.rows_of(group)? {
                Ok(column)
            } else {
                Err(PartError::Damaged("a column is too short"))
            }
        };
        cached!(self, group, place as u32, Texts, make(), TextColumn::memory_bytes)
    }

    pub fn resources(&self, group: u32) -> Result<Arc<Sets<Arc<Attributes>>>, PartError> {
        let (place, rows) = (fixed::RESOURCE, self.rows_of(group)?);
        let make = || {
            let payload = self.column(self.section(group, place)?)?;
            Sets::parse(&payload, rows, |r| take_attributes(r, &Inline).map(Arc::new))
                .map(|sets| (payload.len(), sets))
                .map_err(PartError::from)
        };
        if let Some(Cached::Resources(found)) = self.cache.find(self.part.sequence, (group, place as u32)) {
            return Ok(found);
        }
        let (bytes, sets) = make()?;
        let sets = Arc::new(sets);
        let value = Cached::Resources(Arc::clone(&sets));
        self.cache.put(self.part.sequence, (group, place as u32), value, 4 * bytes + 4 * rows);
        Ok(sets)
    }

    pub fn scopes(&self, group: u32) -> Result<Arc<Sets<Arc<Scope>>>, PartError> {
        let (place, rows) = (fixed::SCOPE, self.rows_of(group)?);
        let take = |r: &mut Reader<'_>| {
            let (name, version) = (r.text()?.to_owned(), r.text()?.to_owned());
            Ok(Arc::new(Scope { name, version, attributes: take_attributes(r, &Inline)? }))
        };
        let make =
            || Sets::parse(&self.column(self.section(group, place)?)?, rows, take).map_err(PartError::from);
        cached!(self, group, place as u32, Scopes, make(), |s: &Sets<Arc<Scope>>| {
            s.things.len() * 256 + s.rows.len() * 4
        })
    }

    /// Which columns each row's attributes lie in.
    pub fn shapes(&self, group: u32) -> Result<Arc<Sets<Vec<u32>>>, PartError> {
        let (place, rows) = (fixed::SHAPE, self.rows_of(group)?);
        let make = || {
            let columns = self.directory()?.groups[group as usize].columns.len() as u64;
            let payload = self.column(self.section(group, place)?)?;
            Sets::parse(&payload, rows, |r| {
                take_list(r, |r| {
                    let element = r.uint()?;
                    if element > columns { Err(RecordError::Reference) } else { Ok(element as u32) }
                })
            })
            .map_err(PartError::from)
        };
        cached!(self, group, place as u32, Shapes, make(), |s: &Sets<Vec<u32>>| {
            s.things.iter().map(|t| 24 + t.len() * 4).sum::<usize>() + s.rows.len() * 4
        })
    }

    /// A column of span attributes, by its number in the group.
    pub fn attribute(&self, group: u32, column: usize) -> Result<Arc<AttributeColumn>, PartError> {
        let place = (fixed::COUNT + column) as u32;
        let make = || {
            let directory = self.directory()?;
            let groups = &directory.groups;
            let meta = groups
                .get(group as usize)
                .and_then(|g| g.columns.get(column))
                .ok_or(RecordError::Reference)?;
            let payload = self.column(meta.section)?;
            Ok::<_, PartError>(match meta.of {
                AttributeType::Text => AttributeColumn::Text(TextColumn::parse(&payload)?),
                AttributeType::Bool => AttributeColumn::Bool(payload),
                AttributeType::Int => AttributeColumn::Int(take_ints(&payload)?),
                AttributeType::Double => {
                    let number = |b: &[u8]| b.try_into().map(f64::from_le_bytes).unwrap_or(f64::NAN);
                    AttributeColumn::Double(payload.chunks_exact(8).map(number).collect())
                }
                AttributeType::Other => {
                    let mut r = Reader::new(&payload);
                    let mut out = Vec::new();
                    while !r.is_empty() {
                        out.push(take_value(&mut r, &Inline, 0)?);
                    }
                    AttributeColumn::Other(out)
                }
            })
        };
        cached!(self, group, place, Attributes, make(), AttributeColumn::memory_bytes)
    }

    /// Events, a list a row; nothing where no row has one.
    pub fn events(&self, group: u32) -> Result<Arc<Vec<Vec<SpanEvent>>>, PartError> {
        let (place, rows) = (fixed::EVENTS, self.rows_of(group)?);
        let make = || {
            let section = self.section(group, place)?;
            if section.length == 0 {
                return Ok(Vec::new());
            }
            let payload = self.column(section)?;
            let mut r = Reader::new(&payload);
            let all = (0..rows).map(|_| take_events(&mut r, &Inline)).collect::<Result<Vec<_>, _>>();
            all.map_err(PartError::from)
        };
        cached!(self, group, place as u32, Events, make(), |all: &Vec<Vec<SpanEvent>>| {
            all.iter().flatten().map(|e| 128 + e.attributes.len() * 96).sum::<usize>() + all.len() * 24
        })
    }

    /// Links, a list a row; nothing where no row has one.
    pub fn links(&self, group: u32) -> Result<Vec<Vec<SpanLink>>, PartError> {
        let section = self.section(group, fixed::LINKS)?;
        if section.length == 0 {
            return Ok(Vec::new());
        }
        let rows = self.rows_of(group)?;
        let payload = self.column(section)?;
        let mut r = Reader::new(&payload);
        Ok((0..rows).map(|_| take_links(&mut r, &Inline)).collect::<Result<_, _>>()?)
    }

    /// Attributes that have no column of their own, in the order of rows.
    pub fn shared(&self, group: u32) -> Result<Vec<(String, AttributeValue)>, PartError> {
        let section = self.section(group, fixed::OVERFLOW)?;
        if section.length == 0 {
            return Ok(Vec::new());
        }
        let payload = self.column(section)?;
        let mut r = Reader::new(&payload);
        let mut out = Vec::new();
        while !r.is_empty() {
            out.push((r.text()?.to_owned(), take_value(&mut r, &Inline, 0)?));
        }
        Ok(out)
    }

    /// Hashes of values that some row of the group has.
    pub fn values(&self, group: u32) -> Result<Arc<Bloom>, PartError> {
        let place = fixed::BLOOM;
        let make = || {
            let bytes = self.part.read(self.section(group, place)?)?;
            Ok::<_, PartError>(Bloom::from_bytes(bytes))
        };
        cached!(self, group, place as u32, Bloom, make(), |b: &Bloom| b.bytes().len())
    }

    /// Everything of a group.
    pub fn full(&self, group: u32) -> Result<Arc<FullGroup>, PartError> {
        cached!(self, group, FULL, Full, FullGroup::load(self, group), FullGroup::memory_bytes)
    }
}

impl AttributeColumn {
    pub fn memory_bytes(&self) -> usize {
        match self {
            Self::Text(texts) => texts.memory_bytes(),
            Self::Bool(values) => values.len(),
            Self::Int(values) => values.len() * 8,
            Self::Double(values) => values.len() * 8,
            Self::Other(values) => values.len() * 128,
        }
    }
}
