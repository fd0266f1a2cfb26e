//! The traces in memory, ordered by start, within a budget of bytes.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use console_blockkit::SegmentId;
use console_model::{
    TimeRange,
    span::{Span, TraceId},
};

use crate::slot::Slot;

#[derive(Default)]
pub struct State {
    slots: HashMap<TraceId, Slot>,
    /// (first start, id), for newest-first scans and oldest-first eviction.
    by_start: BTreeSet<(i64, TraceId)>,
    services: HashSet<Arc<str>>,
    /// The longest distance between the first and last start inside one trace: how far a scan must look back.
    max_spread_ns: i64,
    pub bytes: u64,
    pub spans: u64,
}

impl State {
    pub fn get(&self, id: TraceId) -> Option<&Slot> {
        self.slots.get(&id)
    }

    pub fn traces(&self) -> usize {
        self.slots.len()
    }

    /// Stores the spans that are new; answers how many were.
    pub fn apply(&mut self, spans: &[Span], segment: SegmentId) -> u64 {
        let mut by_trace: HashMap<TraceId, Vec<&Span>> = HashMap::new();
        for span in spans {
            let group = by_trace.entry(span.trace_id).or_default();
            let known = self.slots.get(&span.trace_id).is_some_and(|s| s.contains(span.span_id));
            if !known && !group.iter().any(|s| s.span_id == span.span_id) {
                group.push(span);
            }
        }
        let mut added = 0;
        for (id, group) in by_trace {
            if !group.is_empty() {
                added += group.len() as u64;
                self.add(id, &group, segment);
            }
        }
        self.spans += added;
        added
    }

    fn add(&mut self, id: TraceId, group: &[&Span], segment: SegmentId) {
        let services = &mut self.services;
        let mut intern = |name: &str| match services.get(name) {
            Some(known) => Arc::clone(known),
            None => {
                let name: Arc<str> = name.into();
                services.insert(Arc::clone(&name));
                name
            }
        };
        let slot = self.slots.entry(id).or_insert_with(|| Slot::new(segment));
        let (before, old_start) = (if slot.len() == 0 { 0 } else { slot.bytes() }, slot.first_start_ns);
        slot.add(group, segment, &mut intern);
        self.bytes = self.bytes + slot.bytes() - before;
        self.max_spread_ns = self.max_spread_ns.max(slot.last_start_ns.saturating_sub(slot.first_start_ns));
        if slot.first_start_ns != old_start {
            self.by_start.remove(&(old_start, id));
            self.by_start.insert((slot.first_start_ns, id));
        }
    }

    /// Ids of traces that may have a span in the range, newest first.
    pub fn candidates(&self, range: TimeRange, service: Option<&str>) -> Vec<TraceId> {
        let from = range.start_ns().saturating_sub(self.max_spread_ns);
        let lower = (from, TraceId([0; 16]));
        let upper = (range.end_ns(), TraceId([0; 16]));
        if lower >= upper {
            return Vec::new();
        }
        self.by_start
            .range(lower..upper)
            .rev()
            .filter(|(_, id)| {
                self.slots.get(id).is_some_and(|slot| {
                    slot.may_start_in(range)
                        && service.is_none_or(|wanted| slot.services.iter().any(|s| **s == *wanted))
                })
            })
            .map(|(_, id)| *id)
            .collect()
    }

    fn remove(&mut self, id: TraceId) {
        if let Some(slot) = self.slots.remove(&id) {
            self.by_start.remove(&(slot.first_start_ns, id));
            self.bytes -= slot.bytes();
            self.spans -= slot.len() as u64;
        }
    }

    /// Drops traces whose last span started before `cutoff_ns`; answers how many.
    pub fn drop_older(&mut self, cutoff_ns: i64) -> usize {
        let old: Vec<TraceId> = self
            .by_start
            .range(..(cutoff_ns, TraceId([0; 16])))
            .map(|(_, id)| *id)
            .filter(|id| self.slots.get(id).is_some_and(|s| s.last_start_ns < cutoff_ns))
            .collect();
        for id in &old {
            self.remove(*id);
        }
        old.len()
    }

    /// Drops traces that live wholly in segments before `first_kept`.
    pub fn drop_segments_before(&mut self, first_kept: SegmentId) -> usize {
        let gone: Vec<TraceId> =
            self.slots.iter().filter(|(_, s)| s.last_segment < first_kept).map(|(id, _)| *id).collect();
        for id in &gone {
            self.remove(*id);
        }
        gone.len()
    }

    /// Drops the oldest traces until at most `max_bytes` remain; answers how many went.
    pub fn shrink_to(&mut self, max_bytes: u64) -> usize {
        let mut dropped = 0;
        while self.bytes > max_bytes {
            let Some((_, id)) = self.by_start.first().copied() else { break };
            self.remove(id);
            dropped += 1;
        }
        dropped
    }
}
