//! The traces in memory: places in batches that the log holds too.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use console_blockkit::{SegmentId, record::RecordError};
use console_model::span::{Span, SpanId, TraceId};
use foldhash::fast::RandomState;

use crate::{codec::Batch, part::Piece, value::Row};

/// What a trace costs beside its spans.
const SLOT_BYTES: usize = 160;
/// From so many spans on, ids are looked up in a set.
const SET_FROM: usize = 32;

/// A span in memory.
#[derive(Clone, Debug)]
pub struct Entry {
    pub batch: Arc<Batch>,
    pub number: u32,
    pub span_id: SpanId,
    pub start_ns: i64,
}

impl Entry {
    pub fn row(&self) -> Result<Row<'_>, RecordError> {
        self.batch.row(self.number)
    }

    pub fn span(&self) -> Result<Span, RecordError> {
        self.row().map(Row::into_span)
    }
}

#[derive(Clone, Debug)]
pub struct Slot {
    pub entries: Vec<Entry>,
    ids: HashSet<(SpanId, i64), RandomState>,
    pub first_ns: i64,
    pub last_ns: i64,
    /// The oldest segment of the log that holds one of the entries.
    pub first_segment: SegmentId,
    /// When the last span came, milliseconds since the Unix epoch.
    pub touched_ms: i64,
    /// What parts have of the trace.
    pub elsewhere: Option<Piece>,
    pub bytes: usize,
}

impl Slot {
    fn new(segment: SegmentId, elsewhere: Option<Piece>) -> Self {
        Self {
            entries: Vec::new(),
            ids: HashSet::default(),
            first_ns: i64::MAX,
            last_ns: i64::MIN,
            first_segment: segment,
            touched_ms: 0,
            elsewhere,
            bytes: SLOT_BYTES,
        }
    }

    fn has(&self, id: SpanId, start_ns: i64) -> bool {
        if self.ids.is_empty() {
            self.entries.iter().any(|e| e.span_id == id && e.start_ns == start_ns)
        } else {
            self.ids.contains(&(id, start_ns))
        }
    }

    fn push(&mut self, entry: Entry) {
        self.first_ns = self.first_ns.min(entry.start_ns);
        self.last_ns = self.last_ns.max(entry.start_ns);
        if !self.ids.is_empty() {
            self.ids.insert((entry.span_id, entry.start_ns));
        }
        self.entries.push(entry);
        if self.ids.is_empty() && self.entries.len() >= SET_FROM {
            self.ids = self.entries.iter().map(|e| (e.span_id, e.start_ns)).collect();
        }
    }

    /// When spans start, here and in parts.
    pub fn span_of_time(&self) -> (i64, i64) {
        let piece = self.elsewhere;
        let first = piece.map_or(self.first_ns, |p| p.first_ns.min(self.first_ns));
        (first, piece.map_or(self.last_ns, |p| p.last_ns.max(self.last_ns)))
    }

    /// Spans of the trace, here and in parts.
    pub fn spans(&self) -> u64 {
        self.entries.len() as u64 + self.elsewhere.map_or(0, |p| p.spans)
    }
}

#[derive(Debug, Default)]
pub struct Head {
    slots: HashMap<TraceId, Slot, RandomState>,
    pub bytes: usize,
    pub spans: u64,
}

impl Head {
    pub fn get(&self, id: TraceId) -> Option<&Slot> {
        self.slots.get(&id)
    }

    pub fn slots(&self) -> impl Iterator<Item = (&TraceId, &Slot)> {
        self.slots.iter()
    }

    pub fn traces(&self) -> usize {
        self.slots.len()
    }

    /// Adds the spans of a batch that are not here yet. `elsewhere` says of a trace that is new here what parts have of it;
    /// `known` which of its spans.
    pub fn add(
        &mut self,
        batch: &Arc<Batch>,
        segment: SegmentId,
        now_ms: i64,
        elsewhere: &mut dyn FnMut(TraceId) -> Option<Piece>,
        known: &dyn Fn(TraceId, SpanId, i64) -> bool,
    ) {
        let share = batch.memory_bytes() / batch.spans().len().max(1) + size_of::<Entry>();
        for (place, number) in batch.spans().iter().zip(0u32..) {
            if known(place.trace_id, place.span_id, place.start_ns) {
                continue;
            }
            let slot = self.slots.entry(place.trace_id).or_insert_with(|| {
                self.bytes += SLOT_BYTES;
                Slot::new(segment, elsewhere(place.trace_id))
            });
            slot.touched_ms = now_ms;
            if slot.has(place.span_id, place.start_ns) {
                continue;
            }
            slot.push(Entry {
                batch: Arc::clone(batch),
                number,
                span_id: place.span_id,
                start_ns: place.start_ns,
            });
            slot.bytes += share;
            self.bytes += share;
            self.spans += 1;
        }
    }

    /// Forgets the first entries of a trace: a part has them. What came meanwhile stays.
    pub fn forget(&mut self, id: TraceId, entries: usize, piece: Piece, segment: SegmentId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let entries = entries.min(slot.entries.len());
        self.spans -= entries as u64;
        if entries == slot.entries.len() {
            self.bytes -= slot.bytes;
            self.slots.remove(&id);
            return;
        }
        let elsewhere = slot.elsewhere.map_or(piece, |p| p.join(piece));
        let share = (slot.bytes - SLOT_BYTES) / slot.entries.len() * entries;
        let (rest, touched_ms, bytes) =
            (slot.entries.split_off(entries), slot.touched_ms, slot.bytes - share);
        *slot = Slot::new(segment, Some(elsewhere));
        (slot.touched_ms, slot.bytes) = (touched_ms, bytes);
        for entry in rest {
            slot.push(entry);
        }
        self.bytes -= share;
    }

    /// The oldest segment of the log that holds something of the traces that `but` does not name.
    pub fn oldest_segment(&self, but: &HashSet<TraceId, RandomState>) -> Option<SegmentId> {
        self.slots.iter().filter(|(id, _)| !but.contains(id)).map(|(_, slot)| slot.first_segment).min()
    }
}
