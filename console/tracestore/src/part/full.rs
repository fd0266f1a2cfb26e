//! A whole group, decoded: rows of its traces.

use std::sync::Arc;

use console_blockkit::{
    part::PartError,
    record::{Reader, RecordError},
};
use console_model::span::{AttributeValue, Attributes, SpanEvent, SpanId, SpanLink};

use super::{
    column::TextColumn,
    fixed,
    group::SHARED,
    meta::Directory,
    open::{AttributeColumn, OpenPart, TraceRow},
    sets::Sets,
};
use crate::value::{Row, Scope, Value, kind_of, status_of};

#[derive(Debug)]
pub struct FullGroup {
    directory: Arc<Directory>,
    number: usize,
    traces: Arc<Vec<TraceRow>>,
    span_ids: Arc<Vec<u8>>,
    parents: Vec<Parent>,
    starts: Arc<Vec<i64>>,
    durations: Arc<Vec<i64>>,
    flags: Arc<Vec<u8>>,
    service: Arc<TextColumn>,
    name: Arc<TextColumn>,
    message: Arc<TextColumn>,
    resources: Arc<Sets<Arc<Attributes>>>,
    scopes: Arc<Sets<Arc<Scope>>>,
    shapes: Arc<Sets<Vec<u32>>>,
    columns: Vec<Arc<AttributeColumn>>,
    shared: Vec<(String, AttributeValue)>,
    events: Arc<Vec<Vec<SpanEvent>>>,
    links: Vec<Vec<SpanLink>>,
    /// For each trace, and each element of shapes, where its values begin.
    begins: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Parent {
    None,
    /// The row in the trace.
    Row(u32),
    Other(SpanId),
}

impl FullGroup {
    pub fn load(part: &OpenPart, group: u32) -> Result<Self, PartError> {
        let directory = part.directory()?;
        let number = group as usize;
        let meta = directory.groups.get(number).ok_or(RecordError::Reference)?;
        let columns =
            (0..meta.columns.len()).map(|c| part.attribute(group, c)).collect::<Result<Vec<_>, _>>()?;
        let traces = part.trace_rows(group)?;
        let shapes = part.shapes(group)?;
        let mut out = Self {
            number,
            span_ids: part.bytes(group, fixed::SPAN_IDS)?,
            parents: take_parents(&part.bytes(group, fixed::PARENTS)?, meta.rows as usize)?,
            starts: part.ints(group, fixed::STARTS)?,
            durations: part.ints(group, fixed::DURATIONS)?,
            flags: part.bytes(group, fixed::FLAGS)?,
            service: part.texts(group, fixed::SERVICE)?,
            name: part.texts(group, fixed::NAME)?,
            message: part.texts(group, fixed::MESSAGE)?,
            resources: part.resources(group)?,
            scopes: part.scopes(group)?,
            shared: part.shared(group)?,
            events: part.events(group)?,
            links: part.links(group)?,
            begins: Vec::new(),
            traces,
            shapes,
            columns,
            directory: Arc::clone(&directory),
        };
        out.begins = out.find_begins();
        Ok(out)
    }

    fn find_begins(&self) -> Vec<u32> {
        let elements = self.columns.len() + 1;
        let mut at = vec![0u32; elements];
        let mut out = Vec::with_capacity(elements * self.traces.len());
        for trace in self.traces.iter() {
            out.extend_from_slice(&at);
            for shape in &self.shapes.rows[trace.first_row as usize..][..trace.rows as usize] {
                for element in &self.shapes.things[*shape as usize] {
                    at[*element as usize] += 1;
                }
            }
        }
        out
    }

    pub fn memory_bytes(&self) -> usize {
        let rows = self.starts.len();
        let columns: usize = self.columns.iter().map(|c| c.memory_bytes()).sum();
        rows * 96
            + columns
            + self.service.memory_bytes()
            + self.name.memory_bytes()
            + self.message.memory_bytes()
            + self.resources.things.len() * 1024
            + self.shared.len() * 128
            + self.events.iter().flatten().map(|e| 128 + e.attributes.len() * 96).sum::<usize>()
            + self.links.iter().flatten().map(|l| 64 + l.attributes.len() * 96).sum::<usize>()
            + self.begins.len() * 4
    }

    pub fn traces(&self) -> &[TraceRow] {
        &self.traces
    }

    /// The rows of a trace, by its place in the group.
    pub fn rows(&self, trace: usize) -> Result<Vec<Row<'_>>, PartError> {
        let of = self.traces.get(trace).ok_or(RecordError::Reference)?;
        let elements = self.columns.len() + 1;
        let mut at = self.begins[trace * elements..(trace + 1) * elements].to_vec();
        (0..of.rows).map(|n| self.row(of, (of.first_row + n) as usize, &mut at)).collect()
    }

    fn row(&self, of: &TraceRow, row: usize, at: &mut [u32]) -> Result<Row<'_>, PartError> {
        let short = || PartError::Damaged("a column is too short");
        let flags = *self.flags.get(row).ok_or_else(short)?;
        let mut attributes = Vec::new();
        for element in &self.shapes.things[self.shapes.rows[row] as usize] {
            let place = &mut at[*element as usize];
            attributes.push(self.attribute(*element, *place as usize).ok_or_else(short)?);
            *place += 1;
        }
        let parent = match self.parents[row] {
            Parent::None => None,
            Parent::Other(id) => Some(id),
            Parent::Row(n) if n < of.rows => Some(self.span_id((of.first_row + n) as usize)?),
            Parent::Row(_) => return Err(PartError::Damaged("a parent outside its trace")),
        };
        Ok(Row {
            trace_id: of.id,
            span_id: self.span_id(row)?,
            parent,
            kind: kind_of(flags & 15).ok_or(RecordError::Tag)?,
            status: status_of(flags >> 4).ok_or(RecordError::Tag)?,
            start_ns: of.first_ns.wrapping_add(self.starts[row]),
            duration_ns: self.durations[row],
            service: self.service.get(row).ok_or_else(short)?,
            name: self.name.get(row).ok_or_else(short)?,
            status_message: self.message.get(row).ok_or_else(short)?,
            resource: &self.resources.things[self.resources.rows[row] as usize],
            scope: &self.scopes.things[self.scopes.rows[row] as usize],
            attributes,
            events: self.events.get(row).cloned().unwrap_or_default(),
            links: self.links.get(row).cloned().unwrap_or_default(),
        })
    }

    fn attribute(&self, element: u32, at: usize) -> Option<(&str, Value<'_>)> {
        if element == SHARED {
            return self.shared.get(at).map(|(key, value)| (key.as_str(), Value::from(value)));
        }
        let column = element as usize - 1;
        let key = self.directory.key(self.directory.groups[self.number].columns.get(column)?.key);
        Some((key, self.columns[column].get(at)?))
    }

    fn span_id(&self, row: usize) -> Result<SpanId, PartError> {
        let bytes = self.span_ids.get(row * 8..row * 8 + 8);
        let bytes = bytes.and_then(|b| b.try_into().ok()).ok_or(RecordError::Short)?;
        Ok(SpanId(bytes))
    }
}

impl AttributeColumn {
    /// The value at a place among those that the column has.
    pub fn get(&self, at: usize) -> Option<Value<'_>> {
        Some(match self {
            Self::Text(texts) => Value::Str(texts.get(at)?),
            Self::Bool(values) => Value::Bool(*values.get(at)? == 1),
            Self::Int(values) => Value::Int(*values.get(at)?),
            Self::Double(values) => Value::Double(*values.get(at)?),
            Self::Other(values) => Value::Other(values.get(at)?.clone()),
        })
    }
}

fn take_parents(payload: &[u8], rows: usize) -> Result<Vec<Parent>, RecordError> {
    let mut r = Reader::new(payload);
    let mut codes = Vec::with_capacity(rows);
    for _ in 0..rows {
        codes.push(r.uint()?);
    }
    let parent = |code| {
        Ok(match code {
            0 => Parent::None,
            1 => Parent::Other(SpanId(r.array()?)),
            row => Parent::Row(u32::try_from(row - 2).map_err(|_| RecordError::Reference)?),
        })
    };
    codes.into_iter().map(parent).collect()
}

impl OpenPart {
    /// Rows of a group that have no parent.
    pub fn root_rows(&self, group: u32) -> Result<Vec<usize>, PartError> {
        let rows = self.rows_of(group)?;
        let parents = take_parents(&self.bytes(group, fixed::PARENTS)?, rows)?;
        let root = |(row, parent): (usize, Parent)| matches!(parent, Parent::None).then_some(row);
        Ok(parents.into_iter().enumerate().filter_map(root).collect())
    }
}
