//! Parts from traces of the head, and parts from parts.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use console_blockkit::part::{Mark, PartError, PartFolder};
use console_model::span::TraceId;
use foldhash::fast::RandomState;

use crate::{
    head::Slot,
    part::{Cache, FullGroup, OpenPart, PartBuilder},
    state::piece_of,
    value::Row,
};

/// Writes traces as one part.
pub fn write_slots(
    folder: &PartFolder,
    cache: &Arc<Cache>,
    slots: &mut [(TraceId, Slot)],
    mark: Mark,
) -> Result<Option<Arc<OpenPart>>, PartError> {
    slots.sort_unstable_by_key(|(id, slot)| (slot.first_ns, *id));
    let part = folder.write(
        |writer| {
            let mut builder = PartBuilder::new(writer);
            for (_, slot) in slots.iter() {
                let mut rows = slot.entries.iter().map(|e| e.row()).collect::<Result<Vec<Row<'_>>, _>>()?;
                rows.sort_by_key(|r| (r.start_ns, r.span_id));
                builder.trace(&rows, slot.elsewhere.map(|p| (p.first_ns, p.last_ns)))?;
            }
            builder.finish(vec![mark], Vec::new())
        },
        |part, footer| OpenPart::load(part, footer, Arc::clone(cache)),
    )?;
    Ok(part.map(Arc::new))
}

/// Writes one part from several; spans of one trace are joined. Traces whose last span is before `cutoff_ns` are left
/// out. Nothing when none is left; and nothing once it is `stopped`.
pub fn merge(
    folder: &PartFolder,
    cache: &Arc<Cache>,
    sources: &[Arc<OpenPart>],
    others: &[Arc<OpenPart>],
    cutoff_ns: i64,
    stopped: &dyn Fn() -> bool,
) -> Result<Option<Arc<OpenPart>>, PartError> {
    let mut marks = Vec::new();
    for mark in sources.iter().flat_map(|s| &s.part.meta.marks) {
        Mark::add(&mut marks, *mark);
    }
    let mut late: HashSet<TraceId, RandomState> = HashSet::default();
    for source in sources {
        late.extend(of_source(source, source.late())?.iter().map(|l| l.id));
    }
    let part = folder.write(
        |writer| {
            let mut builder = PartBuilder::new(writer);
            let mut cursors = Vec::new();
            for source in sources {
                cursors.extend(of_source(source, Cursor::new(source))?);
            }
            let mut done: HashSet<TraceId, RandomState> = HashSet::default();
            // A few traces begin at once: the smallest of the cursors is looked for by hand.
            while let Some(at) = (0..cursors.len()).min_by_key(|n| cursors[*n].key()) {
                let cursor = &mut cursors[at];
                let (id, last_ns) = (cursor.key().1, cursor.last_ns());
                if late.contains(&id) {
                    if done.insert(id) {
                        join(&mut builder, sources, others, id, cutoff_ns)?;
                    }
                } else if last_ns >= cutoff_ns {
                    let rows = of_source(cursor.part, cursor.group.rows(cursor.trace))?;
                    builder.trace(&rows, None)?;
                }
                let before = cursor.number;
                let more = of_source(cursor.part, cursor.advance())?;
                if !more || cursor.number != before {
                    builder.forget_addresses();
                    if stopped() {
                        return Ok(None);
                    }
                }
                if !more {
                    cursors.swap_remove(at);
                }
            }
            builder.finish(marks, sources.iter().map(|s| s.part.sequence).collect())
        },
        |part, footer| OpenPart::load(part, footer, Arc::clone(cache)),
    )?;
    Ok(part.map(Arc::new))
}

fn of_source<T>(source: &OpenPart, answer: Result<T, PartError>) -> Result<T, PartError> {
    answer.map_err(|e| PartError::Source(source.part.sequence, Box::new(e)))
}

/// Adds a trace that lies in several places.
fn join(
    builder: &mut PartBuilder<'_, '_>,
    sources: &[Arc<OpenPart>],
    others: &[Arc<OpenPart>],
    id: TraceId,
    cutoff_ns: i64,
) -> Result<(), PartError> {
    let mut groups: HashMap<(u64, u32), Arc<FullGroup>, RandomState> = HashMap::default();
    let mut places = Vec::new();
    for source in sources {
        for (group, at) in of_source(source, source.find(id))? {
            let key = (source.part.sequence, group);
            groups.insert(key, of_source(source, source.full(group))?);
            places.push((key, at));
        }
    }
    let mut rows = Vec::new();
    for (key, at) in &places {
        rows.extend(groups[key].rows(*at).map_err(|e| PartError::Source(key.0, Box::new(e)))?);
    }
    rows.sort_by_key(|r| (r.start_ns, r.span_id));
    rows.dedup_by_key(|r| (r.start_ns, r.span_id));
    let outside = piece_of(others, id).map(|p| (p.first_ns, p.last_ns));
    let last_ns = rows.last().map_or(i64::MIN, |r| r.start_ns).max(outside.map_or(i64::MIN, |o| o.1));
    if last_ns >= cutoff_ns {
        builder.trace(&rows, outside)?;
    }
    builder.forget_addresses();
    Ok(())
}

/// A place among the traces of a part.
struct Cursor<'a> {
    part: &'a OpenPart,
    groups: u32,
    number: u32,
    group: Arc<FullGroup>,
    trace: usize,
}

impl<'a> Cursor<'a> {
    fn new(part: &'a OpenPart) -> Result<Option<Self>, PartError> {
        let groups = part.directory()?.groups.len() as u32;
        if groups == 0 {
            return Ok(None);
        }
        let group = Arc::new(FullGroup::load(part, 0)?);
        if group.traces().is_empty() {
            return Err(PartError::Damaged("a group without traces"));
        }
        Ok(Some(Self { part, groups, number: 0, group, trace: 0 }))
    }

    fn key(&self) -> (i64, TraceId) {
        let trace = &self.group.traces()[self.trace];
        (trace.first_ns, trace.id)
    }

    fn last_ns(&self) -> i64 {
        self.group.traces()[self.trace].last_ns
    }

    /// Goes to the next trace; false at the end.
    fn advance(&mut self) -> Result<bool, PartError> {
        self.trace += 1;
        if self.trace < self.group.traces().len() {
            return Ok(true);
        }
        self.number += 1;
        if self.number >= self.groups {
            return Ok(false);
        }
        self.group = Arc::new(FullGroup::load(self.part, self.number)?);
        self.trace = 0;
        if self.group.traces().is_empty() {
            return Err(PartError::Damaged("a group without traces"));
        }
        Ok(true)
    }
}
