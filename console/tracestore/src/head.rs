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
const SLOT_BYTES: usize = 384;
/// What an entry costs, with room that its list grows into.
const ENTRY_BYTES: usize = size_of::<Entry>() * 3 / 2;
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
    /// The number of the batch that brought it.
    pub touched_by: u64,
    /// What parts have of the trace.
    pub elsewhere: Option<Piece>,
    /// The trace's share of its batches, and what it costs itself.
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
            touched_by: 0,
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
    /// Batches that some entry needs, by address: a batch is in memory as a whole until the last one goes.
    batches: HashMap<usize, Live, RandomState>,
    /// Batches that came so far.
    came: u64,
    pub bytes: usize,
    pub spans: u64,
}

#[derive(Debug)]
struct Live {
    entries: usize,
    bytes: usize,
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
        let bytes = batch.memory_bytes();
        let share = bytes / batch.spans().len().max(1) + ENTRY_BYTES;
        self.came += 1;
        let mut entries = 0;
        for (place, number) in batch.spans().iter().zip(0u32..) {
            if known(place.trace_id, place.span_id, place.start_ns) {
                continue;
            }
            let slot = self.slots.entry(place.trace_id).or_insert_with(|| {
                self.bytes += SLOT_BYTES;
                Slot::new(segment, elsewhere(place.trace_id))
            });
            (slot.touched_ms, slot.touched_by) = (now_ms, self.came);
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
            entries += 1;
        }
        if entries > 0 {
            self.batches.insert(Arc::as_ptr(batch) as usize, Live { entries, bytes });
            self.bytes += bytes + entries * ENTRY_BYTES;
            self.spans += entries as u64;
        }
    }

    fn let_go(&mut self, entries: &[Entry]) {
        self.spans -= entries.len() as u64;
        self.bytes -= entries.len() * ENTRY_BYTES;
        for entry in entries {
            let address = Arc::as_ptr(&entry.batch) as usize;
            let Some(live) = self.batches.get_mut(&address) else { continue };
            live.entries -= 1;
            if live.entries == 0 {
                self.bytes -= live.bytes;
                self.batches.remove(&address);
            }
        }
    }

    /// Forgets the first entries of a trace: a part has them. What came meanwhile stays.
    pub fn forget(&mut self, id: TraceId, entries: usize, piece: Piece, segment: SegmentId) {
        let Some(mut slot) = self.slots.remove(&id) else { return };
        let rest = slot.entries.split_off(entries.min(slot.entries.len()));
        self.let_go(&slot.entries);
        if rest.is_empty() {
            self.bytes -= SLOT_BYTES;
            return;
        }
        let share = (slot.bytes - SLOT_BYTES) / (slot.entries.len() + rest.len()).max(1);
        let mut new = Slot::new(segment, Some(slot.elsewhere.map_or(piece, |p| p.join(piece))));
        (new.touched_ms, new.touched_by) = (slot.touched_ms, slot.touched_by);
        new.bytes += share * rest.len();
        for entry in rest {
            new.push(entry);
        }
        self.slots.insert(id, new);
    }

    /// The oldest segment of the log that holds something of the traces that `but` does not name.
    pub fn oldest_segment(&self, but: &HashSet<TraceId, RandomState>) -> Option<SegmentId> {
        self.slots.iter().filter(|(id, _)| !but.contains(id)).map(|(_, slot)| slot.first_segment).min()
    }
}
