//! Traces of a range, newest first: row groups and pieces of the head are looked at from the newest on, several at once, and no
//! more of them than the visitor asks for.
//!
//! A trace whose spans lie in one place is judged there. One that lies in several is known from the lists that parts keep of such
//! traces: it is loaded whole as soon as one of its places meets one pattern.

use std::{
    collections::{BinaryHeap, HashMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use console_blockkit::part::PartError;
use console_model::{
    TimeRange,
    span::{Trace, TraceId},
};
use console_storage::{StorageError, parallel};
use foldhash::fast::RandomState;
use parking_lot::RwLock;

use crate::{
    condition::{Condition, Pattern},
    head::Entry,
    part::{OpenPart, group_hits},
    state::{Parts, State, in_order, tolerate, whole_trace},
    value::Row,
};

/// A search that finds nothing ends too; engines have shorter bounds of their own.
const LONGEST: Duration = Duration::from_secs(30);
/// Traces of the head looked at as one.
const HEAD_UNIT: usize = 128;
/// Places looked at together, at first and at most.
const FIRST_BATCH: usize = 4;
const MAX_BATCH: usize = 64;
/// Traces loaded together at most.
const MAX_LOAD: usize = 64;
/// Rows to look at, and traces to load, that are worth a thread.
const ROWS_A_THREAD: usize = 8192;
const TRACES_A_THREAD: usize = 8;

type Map<V> = HashMap<TraceId, V, RandomState>;

/// A trace of the head at one moment.
pub struct HeadTrace {
    pub id: TraceId,
    pub entries: Vec<Entry>,
    pub first_ns: i64,
    pub last_ns: i64,
}

/// What a search looks at: it does not change meanwhile.
pub struct Snapshot {
    pub parts: Parts,
    /// Newest first.
    pub head: Vec<HeadTrace>,
    /// Traces that lie in several places: when their spans start.
    spread: Map<(i64, i64)>,
    /// The range, and wherever traces of it that lie in several places reach.
    reach: (i64, i64),
}

impl Snapshot {
    pub fn take(state: &RwLock<State>, range: TimeRange) -> Result<Self, StorageError> {
        let (from, to) = (range.start_ns(), range.end_ns());
        let mut spread: Map<(i64, i64)> = HashMap::default();
        let (parts, mut head) = {
            let state = state.read();
            let mut head = Vec::new();
            for (id, slot) in state.head.slots() {
                if slot.elsewhere.is_some() {
                    spread.insert(*id, slot.span_of_time());
                } else if slot.first_ns >= to || slot.last_ns < from {
                    continue;
                }
                let (first_ns, last_ns) = (slot.first_ns, slot.last_ns);
                head.push(HeadTrace { id: *id, entries: slot.entries.clone(), first_ns, last_ns });
            }
            (Arc::clone(&state.parts), head)
        };
        head.sort_unstable_by_key(|t| std::cmp::Reverse((t.first_ns, t.id)));
        for part in parts.iter().filter(|p| !p.part.is_damaged()) {
            for late in tolerate(part, part.late())?.iter().flat_map(|list| list.iter()) {
                let known = spread.entry(late.id).or_insert((late.first_ns, late.last_ns));
                *known = (known.0.min(late.first_ns), known.1.max(late.last_ns));
            }
        }
        let mut reach = (from, to);
        for (first, last) in spread.values().filter(|(first, last)| *first < to && *last >= from) {
            reach = (reach.0.min(*first), reach.1.max(last.saturating_add(1)));
        }
        Ok(Self { parts, head, spread, reach })
    }
}

/// Something to look at.
#[derive(Clone, Copy, Debug)]
enum Unit {
    /// Traces of the head.
    Head(usize, usize),
    /// A group of a part.
    Group(usize, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    first_ns: i64,
    id: TraceId,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Head(usize),
    /// Part, group, trace in the group.
    Group(usize, u32, usize),
    Several,
}

/// Visits traces with a span that starts in the range and that may have for each pattern a span that meets it.
pub fn visit(
    snapshot: &Snapshot,
    range: TimeRange,
    patterns: &[Pattern],
    visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
) -> Result<(), StorageError> {
    let search = Search {
        snapshot,
        from_ns: range.start_ns(),
        to_ns: range.end_ns(),
        patterns: &patterns[..patterns.len().min(64)],
    };
    let units = search.units()?;
    let (mut ready, mut several): (BinaryHeap<Candidate>, HashSet<TraceId, RandomState>) = Default::default();
    let (mut next, mut batch, mut load) = (0, FIRST_BATCH, FIRST_BATCH);
    let deadline = Instant::now() + LONGEST;
    loop {
        // Who searches hears of nothing while nothing is found.
        if Instant::now() > deadline {
            return Err(StorageError::Timeout);
        }
        // What is newer than everything not looked at yet is next in order.
        let bound = units.get(next).map(|(newest, _, _)| *newest);
        while ready.peek().is_some_and(|c| bound.is_none_or(|b| c.first_ns > b)) {
            let mut now = Vec::new();
            while now.len() < load && ready.peek().is_some_and(|c| bound.is_none_or(|b| c.first_ns > b)) {
                now.extend(ready.pop());
            }
            load = (load * 2).min(MAX_LOAD);
            let traces = parallel::map(now.len(), now.len(), TRACES_A_THREAD, |r| {
                now[r].iter().map(|c| search.load(c)).collect::<Result<Vec<_>, _>>()
            })?;
            for trace in traces.into_iter().flatten() {
                if visit(&trace).is_break() {
                    return Ok(());
                }
            }
        }
        if next >= units.len() {
            return Ok(());
        }
        let now = &units[next..units.len().min(next + batch)];
        let work = now.iter().map(|(_, rows, _)| rows).sum();
        let found = parallel::map(now.len(), work, ROWS_A_THREAD, |r| {
            now[r].iter().map(|(_, _, unit)| search.look(*unit)).collect::<Result<Vec<_>, _>>()
        })?;
        for candidate in found.into_iter().flatten() {
            if candidate.place != Place::Several || several.insert(candidate.id) {
                ready.push(candidate);
            }
        }
        next += now.len();
        batch = (batch * 2).min(MAX_BATCH);
    }
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    from_ns: i64,
    to_ns: i64,
    patterns: &'a [Pattern],
}

impl Search<'_> {
    /// What there is to look at: the latest first start, rows, and where; latest first.
    fn units(&self) -> Result<Vec<(i64, usize, Unit)>, StorageError> {
        let mut out = Vec::new();
        let head = &self.snapshot.head;
        for from in (0..head.len()).step_by(HEAD_UNIT) {
            let to = head.len().min(from + HEAD_UNIT);
            let rows = head[from..to].iter().map(|t| t.entries.len()).sum();
            out.push((head[from].first_ns, rows, Unit::Head(from, to)));
        }
        let (from_ns, to_ns) = self.snapshot.reach;
        for (number, part) in self.snapshot.parts.iter().enumerate() {
            if !part.part.overlaps(from_ns, to_ns) {
                continue;
            }
            let Some(directory) = tolerate(part, part.directory())? else { continue };
            for (group, meta) in (0u32..).zip(&directory.groups) {
                if meta.first_ns < to_ns && meta.last_ns >= from_ns {
                    out.push((meta.newest_trace_ns, meta.rows as usize, Unit::Group(number, group)));
                }
            }
        }
        out.sort_unstable_by_key(|(newest, ..)| std::cmp::Reverse(*newest));
        Ok(out)
    }

    fn overlaps(&self, first_ns: i64, last_ns: i64) -> bool {
        first_ns < self.to_ns && last_ns >= self.from_ns
    }

    fn all(&self) -> u64 {
        if self.patterns.len() >= 64 { u64::MAX } else { (1 << self.patterns.len()) - 1 }
    }

    /// Whether a trace of which a place meets these patterns is wanted, and where it is then.
    fn judge(&self, id: TraceId, hits: u64, own: (i64, i64), place: Place) -> Option<Candidate> {
        if let Some((first_ns, last_ns)) = self.snapshot.spread.get(&id) {
            let wanted = (hits != 0 || self.patterns.is_empty()) && self.overlaps(*first_ns, *last_ns);
            return wanted.then_some(Candidate { first_ns: *first_ns, id, place: Place::Several });
        }
        let wanted = hits == self.all() && self.overlaps(own.0, own.1);
        wanted.then_some(Candidate { first_ns: own.0, id, place })
    }

    fn look(&self, unit: Unit) -> Result<Vec<Candidate>, StorageError> {
        match unit {
            Unit::Head(from, to) => self.look_at_head(from, to),
            Unit::Group(number, group) => {
                let part = &self.snapshot.parts[number];
                Ok(tolerate(part, self.look_at_group(part, number, group))?.unwrap_or_default())
            }
        }
    }

    fn look_at_group(&self, part: &OpenPart, number: usize, group: u32) -> Result<Vec<Candidate>, PartError> {
        let hits = if self.patterns.is_empty() { None } else { group_hits(part, group, self.patterns)? };
        if hits.is_none() && !self.patterns.is_empty() {
            return Ok(Vec::new());
        }
        let traces = part.trace_rows(group)?;
        let judge = |(at, trace): (usize, &crate::part::TraceRow)| {
            let hits = hits.as_ref().map_or(0, |h| h[at]);
            self.judge(trace.id, hits, (trace.first_ns, trace.last_ns), Place::Group(number, group, at))
        };
        Ok(traces.iter().enumerate().filter_map(judge).collect())
    }

    fn look_at_head(&self, from: usize, to: usize) -> Result<Vec<Candidate>, StorageError> {
        let mut out = Vec::new();
        // Which patterns a batch may meet, by its address.
        let mut possible: HashMap<usize, u64, RandomState> = HashMap::default();
        for (at, trace) in self.snapshot.head[from..to].iter().enumerate() {
            let mut hits = 0;
            for entry in &trace.entries {
                let may = *possible
                    .entry(Arc::as_ptr(&entry.batch) as usize)
                    .or_insert_with(|| self.possible_in(&entry.batch));
                if may & !hits == 0 {
                    continue;
                }
                let row = entry.row().map_err(|e| StorageError::Storage(e.to_string()))?;
                for (number, pattern) in self.patterns.iter().enumerate() {
                    let bit = 1 << number;
                    if may & bit & !hits != 0 && meets(&row, pattern) {
                        hits |= bit;
                    }
                }
            }
            let own = (trace.first_ns, trace.last_ns);
            out.extend(self.judge(trace.id, hits, own, Place::Head(from + at)));
        }
        Ok(out)
    }

    fn possible_in(&self, batch: &crate::codec::Batch) -> u64 {
        let may = |p: &Pattern| p.iter().all(|c| c.needed_text().is_none_or(|t| batch.has_text(t)));
        (0..).zip(self.patterns).filter(|(_, p)| may(p)).fold(0, |bits, (n, _): (u64, _)| bits | 1 << n)
    }

    /// The whole trace, where one of its spans starts in the range.
    fn load(&self, candidate: &Candidate) -> Result<Option<Trace>, StorageError> {
        let id = candidate.id;
        let parts = &self.snapshot.parts;
        let trace = match candidate.place {
            Place::Head(at) => whole_trace(&[], &self.snapshot.head[at].entries, id)?,
            Place::Group(number, group, at) => {
                let part = &parts[number];
                let spans = part
                    .full(group)
                    .and_then(|full| Ok(full.rows(at)?.into_iter().map(Row::into_span).collect::<Vec<_>>()));
                tolerate(part, spans)?.and_then(|spans| in_order(id, spans))
            }
            Place::Several => {
                let own = self.snapshot.head.iter().find(|t| t.id == id);
                whole_trace(parts, own.map_or(&[], |t| &t.entries), id)?
            }
        };
        let inside =
            |t: &Trace| t.spans.iter().any(|s| s.start_ns >= self.from_ns && s.start_ns < self.to_ns);
        Ok(trace.filter(inside))
    }
}

fn meets(row: &Row<'_>, pattern: &[Condition]) -> bool {
    pattern.iter().all(|c| c.met_by(row))
}
