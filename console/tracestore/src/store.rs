//! The store: log first, then memory, then parts.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use console_blockkit::{
    Position, Reservation, Wal, WalError,
    part::{PartError, PartFolder},
};
use console_model::{
    TimeRange,
    span::{Span, Trace, TraceId},
};
use console_storage::{
    AppendError, StorageError,
    metrics::AppendOutcome,
    traces::{AttributeScope, SpanAppender, SpanPattern, SpanReader},
};
use foldhash::fast::RandomState;
use parking_lot::{Condvar, Mutex, RwLock};

use crate::{
    codec::{Batch, MAX_PAYLOAD},
    condition,
    config::TraceStoreConfig,
    part::{Cache, Piece},
    screen,
    search::{self, Snapshot},
    state::{State, piece_of, whole_trace},
    tags,
};

/// Spans of one record; larger pushes become several records,
const RECORD_SPANS: usize = 512;
/// as do those of more bytes.
const RECORD_BYTES: usize = 8 << 20;
/// What a span takes in memory beside its text, at most.
const SPAN_BYTES: usize = 512;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the trace log")]
    Wal(#[from] WalError),
    #[error("cannot open the parts of spans")]
    Parts(#[from] PartError),
}

/// What the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceStoreStats {
    /// A trace counts once in memory and once in each part that has spans of it.
    pub traces: u64,
    pub spans: u64,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
    pub parts: u64,
    pub part_bytes: u64,
    /// Traces dropped for age or room since the start.
    pub dropped_traces: u64,
    /// Records that replay could not read.
    pub damaged_records: u64,
    /// Parts set aside since the start.
    pub damaged_parts: u64,
}

pub struct TraceStore {
    inner: Arc<Inner>,
    workers: Vec<JoinHandle<()>>,
}

pub(crate) struct Inner {
    pub config: TraceStoreConfig,
    pub wal: Wal,
    pub folder: PartFolder,
    pub cache: Arc<Cache>,
    pub state: RwLock<State>,
    /// What the head takes of the memory of all stores. Locked by who holds `state`, and by nobody for long.
    pub memory: Mutex<Reservation>,
    /// Whether somebody found no room in the memory of all stores.
    pub is_pressed: AtomicBool,
    /// Held for reading from a record's way into the log until its spans are in the head; a part's mark waits for that.
    pub gate: RwLock<()>,
    /// One writes or removes parts at a time.
    pub maintenance: Mutex<()>,
    /// One merges at a time.
    pub merging: Mutex<()>,
    pub turn: Mutex<Turn>,
    pub turned: Condvar,
    /// Spans before this are not answered any more.
    pub cutoff_ns: AtomicI64,
    pub dropped: AtomicU64,
    pub damaged_records: u64,
}

/// What the worker and those who wait for it tell each other.
#[derive(Default)]
pub(crate) struct Turn {
    pub stop: bool,
    pub wanted: bool,
    /// Why the last part could not be written.
    pub failed: Option<String>,
}

impl TraceStore {
    /// Opens parts and log, replays what parts do not have, and applies the limits.
    pub fn open(config: TraceStoreConfig) -> Result<Self, OpenError> {
        let inner = Arc::new(Inner::open(config)?);
        inner.maintain((inner.config.clock)());
        let mut workers = Vec::new();
        if inner.config.background {
            // A merge may take long: it must not hold up parts from the head.
            workers.extend(spawn("tracestore", &inner, Inner::work));
            workers.extend(spawn("tracestore-merge", &inner, Inner::work_on_merges));
        }
        Ok(Self { inner, workers })
    }

    /// Writes what is due, applies retention by age and by bytes, merges small parts.
    pub fn maintain(&self, now_ms: i64) {
        self.inner.maintain(now_ms);
    }

    /// Writes everything in memory to a part.
    pub fn flush(&self) -> Result<(), PartError> {
        self.inner.flush_all()
    }

    /// Puts what was accepted onto the disk itself (`fsync`).
    pub fn sync(&self) -> Result<(), WalError> {
        self.inner.wal.sync().inspect_err(|_| {
            // What is told is the failure; that its end is in parts helps the next push.
            let _ = self.inner.settle_log();
        })
    }

    pub fn stats(&self) -> TraceStoreStats {
        let inner = &self.inner;
        let state = inner.state.read();
        let parts = &state.parts;
        let part_bytes: u64 = parts.iter().map(|p| p.part.bytes).sum();
        let held: usize = parts.iter().map(|p| p.memory_bytes()).sum();
        TraceStoreStats {
            traces: state.head.traces() as u64 + parts.iter().map(|p| p.traces).sum::<u64>(),
            spans: state.head.spans + parts.iter().map(|p| p.part.meta.rows).sum::<u64>(),
            memory_bytes: (state.head.bytes + inner.cache.memory_bytes() + held) as u64,
            disk_bytes: part_bytes + inner.wal.total_bytes(),
            parts: parts.len() as u64,
            part_bytes,
            dropped_traces: inner.dropped.load(Ordering::Relaxed),
            damaged_records: inner.damaged_records,
            damaged_parts: inner.folder.damaged(),
        }
    }

    /// The range without what is past the retention.
    fn kept(&self, range: TimeRange) -> TimeRange {
        let cutoff_ms = self.inner.cutoff_ns.load(Ordering::Relaxed).div_euclid(1_000_000);
        TimeRange { start_ms: range.start_ms.max(cutoff_ms), end_ms: range.end_ms }
    }

    fn search(
        &self,
        range: TimeRange,
        patterns: &[condition::Pattern],
        visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let range = self.kept(range);
        if range.start_ms >= range.end_ms {
            return Ok(());
        }
        let snapshot = Snapshot::take(&self.inner.state, range)?;
        search::visit(&snapshot, range, patterns, visit)
    }
}

fn spawn(name: &str, inner: &Arc<Inner>, work: fn(&Inner)) -> Option<JoinHandle<()>> {
    let own = Arc::clone(inner);
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&own));
    spawned.inspect_err(|error| tracing::warn!(name, %error, "no thread for parts of spans")).ok()
}

impl Drop for TraceStore {
    fn drop(&mut self) {
        self.inner.turn.lock().stop = true;
        self.inner.turned.notify_all();
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                tracing::error!("a thread for parts of spans has panicked");
            }
        }
    }
}

impl Inner {
    /// Leaves out spans that are not allowed, and those of traces that are as long as a trace may be; tells their places.
    fn screen(&self, spans: Vec<Span>, now_ms: i64, refused: &mut dyn FnMut(usize)) -> Screened {
        let (mut reason, mut rejected) = (None, 0);
        let (mut good, mut places) = (Vec::with_capacity(spans.len()), Vec::with_capacity(spans.len()));
        let now = (self.config.retention_clock.at(now_ms), now_ms);
        for (place, span) in spans.into_iter().enumerate() {
            match screen::check(&span, &self.config, now) {
                Ok(()) => {
                    good.push(span);
                    places.push(place);
                }
                Err(e) => {
                    refused(place);
                    rejected += 1;
                    reason.get_or_insert(e);
                }
            }
        }
        let elsewhere = self.elsewhere(&good);
        let limit = self.config.max_spans_per_trace as u64;
        let mut counts: HashMap<TraceId, u64, RandomState> = HashMap::default();
        let state = self.state.read();
        let mut at = places.into_iter();
        let mut places = Vec::with_capacity(good.len());
        good.retain(|span| {
            let (id, place) = (span.trace_id, at.next().unwrap_or_default());
            let in_parts = || elsewhere.pieces.get(&id).copied().flatten().map_or(0, |piece| piece.spans);
            let known = || state.head.get(id).map_or_else(in_parts, |slot| slot.spans());
            let count = counts.entry(id).or_insert_with(known);
            if *count < limit {
                *count += 1;
                places.push(place);
                return true;
            }
            refused(place);
            rejected += 1;
            reason.get_or_insert_with(|| {
                AppendError::Limit(format!("trace {id} already has max_spans_per_trace ({limit}) spans"))
            });
            false
        });
        drop(state);
        Screened { good, places, elsewhere, rejected, reason }
    }

    /// What parts have of traces that are new in memory, which is read before anything is locked for writing.
    fn elsewhere(&self, spans: &[Span]) -> Elsewhere {
        let (parts, generation, new) = {
            let state = self.state.read();
            let ids = spans.iter().map(|s| s.trace_id).filter(|id| state.head.get(*id).is_none());
            let new: HashSet<TraceId, RandomState> = ids.collect();
            (Arc::clone(&state.parts), state.generation, new)
        };
        let pieces = new.into_iter().map(|id| (id, piece_of(&parts, id))).collect();
        Elsewhere { pieces, generation }
    }

    /// Answers where it ends in the log.
    fn store(&self, spans: &[Span], now_ms: i64, known: &Elsewhere) -> Result<Position, AppendError> {
        let bytes = spans.iter().map(|s| screen::approximate_bytes(s) + SPAN_BYTES).sum::<usize>();
        let room = self.wait_for_room(bytes as u64)?;
        let batch = Arc::new(Batch::encode(spans));
        if batch.payload_bytes() > MAX_PAYLOAD {
            return Err(AppendError::Limit(format!("the spans have more than {MAX_PAYLOAD} bytes together")));
        }
        let record = batch.seal();
        let _gate = self.gate.read();
        let appended = self.wal.append(&record).map_err(append_error)?;
        let mut state = self.state.write();
        let state = &mut *state;
        let (same, parts) = (state.generation == known.generation, &state.parts);
        let mut elsewhere = |id: TraceId| match known.pieces.get(&id) {
            Some(piece) if same => *piece,
            _ => piece_of(parts, id),
        };
        state.head.add(&batch, appended.segment, now_ms, &mut elsewhere, &|_, _, _| false);
        {
            let mut memory = self.memory.lock();
            memory.join(room);
            memory.resize_to(state.head.bytes as u64);
        }
        if state.head.bytes >= self.config.max_head_bytes / 2 {
            self.want_part();
        }
        Ok(appended.position)
    }

    fn want_part(&self) {
        let mut turn = self.turn.lock();
        if !turn.wanted {
            turn.wanted = true;
            self.turned.notify_all();
        }
    }

    /// Memory for so many bytes of spans, if there is some.
    fn room_now(&self, bytes: u64) -> Option<Reservation> {
        match self.state.read().head.bytes {
            // Larger than all that may be: alone it is let in.
            0 => return Some(self.config.budget.reserve_over(bytes)),
            held if held >= self.config.max_head_bytes => return None,
            _ => {}
        }
        let room = self.config.budget.try_reserve(bytes);
        if room.is_none() {
            self.is_pressed.store(true, Ordering::Relaxed);
        }
        room
    }

    /// Waits until there is room in memory for more.
    fn wait_for_room(&self, bytes: u64) -> Result<Reservation, AppendError> {
        let mut room = self.room_now(bytes);
        if room.is_none() && self.config.background {
            let wait = Duration::from_millis(self.config.max_wait_ms);
            let begin = std::time::Instant::now();
            while room.is_none() {
                self.want_part();
                let mut turn = self.turn.lock();
                let left = wait.saturating_sub(begin.elapsed());
                if turn.failed.is_some() || left.is_zero() {
                    break;
                }
                self.turned.wait_for(&mut turn, left.min(Duration::from_millis(50)));
                drop(turn);
                room = self.room_now(bytes);
            }
        } else if room.is_none() {
            self.make_room();
        }
        if let Some(room) = room.or_else(|| self.room_now(bytes)) {
            return Ok(room);
        }
        let is_full = self.state.read().head.bytes >= self.config.max_head_bytes;
        let what = if is_full {
            format!("max_head_bytes ({}) are in memory", self.config.max_head_bytes)
        } else {
            let limit = self.config.budget.limit();
            format!("spans leave no room within the memory of all stores ({limit} bytes)")
        };
        let reason = match self.turn.lock().failed.clone() {
            Some(why) => format!("{what} and {why}"),
            None => format!("{what} and wait to be written"),
        };
        Err(AppendError::Busy { reason, retry_after_s: 5 })
    }
}

/// What parts had of traces while they were those of this generation.
struct Elsewhere {
    pieces: HashMap<TraceId, Option<Piece>, RandomState>,
    generation: u64,
}

/// What is allowed of a push.
struct Screened {
    good: Vec<Span>,
    /// Of each good span, its place in the push.
    places: Vec<usize>,
    elsewhere: Elsewhere,
    rejected: u64,
    reason: Option<AppendError>,
}

fn append_error(e: WalError) -> AppendError {
    match e {
        WalError::DiskFull | WalError::Unsynced { .. } => {
            AppendError::Busy { reason: e.to_string(), retry_after_s: 10 }
        }
        other => AppendError::Storage(other.to_string()),
    }
}

/// Pieces of a push that become one record each.
fn records(spans: &[Span]) -> impl Iterator<Item = &[Span]> {
    let mut rest = spans;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |s: &&Span| {
            bytes += screen::approximate_bytes(s);
            bytes <= RECORD_BYTES
        };
        let n = rest.iter().take(RECORD_SPANS).take_while(fits).count().max(1);
        let (record, more) = rest.split_at_checked(n)?;
        rest = more;
        Some(record)
    })
}

impl SpanAppender for TraceStore {
    fn append_telling(
        &self,
        spans: Vec<Span>,
        refused: &mut dyn FnMut(usize),
    ) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        let inner = &self.inner;
        let now_ms = (inner.config.clock)();
        inner.settle_log()?;
        let Screened { good, places, elsewhere, mut rejected, mut reason } =
            inner.screen(spans, now_ms, refused);
        let (mut accepted, mut end) = (0, None);
        for record in records(&good) {
            match inner.store(record, now_ms, &elsewhere) {
                Ok(at) => (accepted, end) = (accepted + record.len(), Some(at)),
                Err(e) if accepted == 0 => return Err(e),
                Err(e) => {
                    rejected += (good.len() - accepted) as u64;
                    for place in &places[accepted..] {
                        refused(*place);
                    }
                    reason = Some(e);
                    break;
                }
            }
        }
        if let Some(end) = end {
            inner.wal.acknowledge(end).map_err(append_error)?;
        }
        let accepted = accepted as u64;
        Ok((AppendOutcome { accepted, rejected, ..AppendOutcome::default() }, reason))
    }
}

impl SpanReader for TraceStore {
    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StorageError> {
        let (parts, entries) = {
            let state = self.inner.state.read();
            let entries = state.head.get(id).map(|s| s.entries.clone()).unwrap_or_default();
            (Arc::clone(&state.parts), entries)
        };
        let cutoff_ns = self.inner.cutoff_ns.load(Ordering::Relaxed);
        let trace = whole_trace(&parts, &entries, id)?;
        Ok(trace.filter(|t| t.spans.last().is_some_and(|s| s.start_ns >= cutoff_ns)))
    }

    fn scan(
        &self,
        range: TimeRange,
        service: Option<&str>,
        visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let patterns: Vec<condition::Pattern> =
            service.map(|s| vec![condition::of_service(s)]).into_iter().collect();
        self.search(range, &patterns, visit)
    }

    fn scan_matching(
        &self,
        range: TimeRange,
        patterns: &[SpanPattern],
        visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.search(range, &condition::patterns(patterns), visit)
    }

    fn tag_names(&self, range: TimeRange) -> Result<Vec<(AttributeScope, String)>, StorageError> {
        let range = self.kept(range);
        tags::names(&Snapshot::take(&self.inner.state, range)?, range)
    }

    fn tag_values(
        &self,
        scope: Option<AttributeScope>,
        name: &str,
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        let range = self.kept(range);
        tags::values(&Snapshot::take(&self.inner.state, range)?, scope, name, range, limit)
    }
}
