//! Opening, and what is done in the background: parts from the head, parts from parts, and the end of old ones.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use console_blockkit::{
    SegmentId, Wal, WalConfig,
    part::{Mark, PartError, PartFolder, PartStep},
};
use console_model::span::{SpanId, TraceId};
use foldhash::fast::RandomState;
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};

use crate::{
    codec::{Batch, MAX_PAYLOAD},
    config::TraceStoreConfig,
    head::{Head, Slot},
    part::{Cache, FORMAT, OpenPart, Piece},
    state::{State, piece_of},
    store::{Inner, OpenError, Turn},
    write::{merge, write_slots},
};

/// Parts of one size are merged when there are so many: of the smallest size, and of others,
const MERGE_FROM: [usize; 2] = [4, 8];
/// and no more than these at once.
const MERGE_MOST: usize = 8;
/// Parts of less are of the smallest size; each further size is eight times as large.
const SMALLEST: u64 = 1 << 20;
/// How often the worker looks without being asked.
const ROUND: Duration = Duration::from_secs(5);
/// Left to the log and to new parts by merges.
const MIN_FREE_BYTES: u64 = 64 << 20;
/// A trace that keeps getting spans holds the log back by so many segments at most.
const MOST_SEGMENTS: u64 = 16;
const WHY_FULL: &str = "the disk is full";

/// Which traces of the head are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Select {
    All,
    /// Those that wait for nothing more, then the ones that were quiet for longest, until a quarter of the bound is left.
    Room,
    /// Those that wait for nothing more.
    Idle,
}

type Ids = HashSet<TraceId, RandomState>;

impl Inner {
    pub fn open(config: TraceStoreConfig) -> Result<Self, OpenError> {
        let now_ms = (config.clock)();
        let cache = Arc::new(Cache::of_budget(config.cache_bytes, &config.budget));
        let opened = PartFolder::open(
            &config.dir.join("parts"),
            FORMAT,
            Arc::clone(&config.probe),
            |part, footer| OpenPart::load(part, footer, Arc::clone(&cache)).map(Arc::new),
        )?;
        let mut replay = Replay {
            config: &config,
            folder: &opened.folder,
            cache: &cache,
            head: Head::default(),
            parts: opened.parts,
            known: HashMap::default(),
            covered: SegmentId(0),
            now_ms,
            damaged: 0,
            failed: None,
        };
        replay.covered = covered(&replay.parts);
        let wal_config =
            WalConfig { segment_bytes: config.segment_bytes, max_record_bytes: MAX_PAYLOAD as u32 };
        let (wal, recovery) =
            Wal::open(&config.dir, wal_config, &mut |segment, bytes| replay.record(segment, bytes))?;
        let wal = wal.with_policy(config.sync.clone());
        let Replay { head, parts, damaged, failed, .. } = replay;
        if let Some(error) = failed {
            return Err(error.into());
        }
        // Parts may be there without their log: what a segment of a lower number got would count as written.
        wal.skip_to(covered(&parts))?;
        if damaged > 0 {
            tracing::warn!(damaged, "trace log has unreadable records");
        }
        if let Err(error) = wal.remove_before(covered(&parts)) {
            tracing::warn!(%error, "cannot remove old segments of the trace log");
        }
        tracing::info!(
            records = recovery.records,
            traces = head.traces(),
            parts = parts.len(),
            "trace store open"
        );
        let mut state = State { head, ..State::default() };
        state.set_parts(parts);
        Ok(Self {
            wal,
            folder: opened.folder,
            cache,
            memory: Mutex::new(config.budget.reserve_over(state.head.bytes as u64)),
            is_pressed: false.into(),
            state: RwLock::new(state),
            gate: RwLock::new(()),
            maintenance: Mutex::new(()),
            merging: Mutex::new(()),
            turn: Mutex::new(Turn::default()),
            turned: Condvar::new(),
            cutoff_ns: AtomicI64::new(i64::MIN),
            dropped: AtomicU64::new(0),
            damaged_records: damaged,
            config,
        })
    }

    /// Writes parts when told to, until told to stop.
    pub fn work(&self) {
        loop {
            {
                let mut turn = self.turn.lock();
                if !turn.wanted && !turn.stop {
                    self.turned.wait_for(&mut turn, ROUND);
                }
                if turn.stop {
                    return;
                }
                turn.wanted = false;
            }
            self.make_room();
        }
    }

    /// Merges parts, until told to stop.
    pub fn work_on_merges(&self) {
        loop {
            let merged = {
                let _one = self.merging.lock();
                self.merge_one()
            };
            let mut turn = self.turn.lock();
            if !merged && !turn.stop {
                self.turned.wait_for(&mut turn, ROUND);
            }
            if turn.stop {
                return;
            }
        }
    }

    /// Writes a part when the head is half full, and all of it when others need the memory.
    pub fn make_room(&self) {
        let _turn = self.maintenance.lock();
        if self.is_pressed.swap(false, Ordering::Relaxed) {
            self.note_flush(self.flush(Select::All));
        } else if self.state.read().head.bytes >= self.config.max_head_bytes / 2 {
            self.note_flush(self.flush(Select::Room));
        }
    }

    pub fn flush_all(&self) -> Result<(), PartError> {
        let turn = self.maintenance.lock();
        self.flush_alone(&turn)
    }

    /// As [`Inner::flush_all`], for whoever holds the lock.
    pub fn flush_alone(&self, _turn: &MutexGuard<'_, ()>) -> Result<(), PartError> {
        self.flush(Select::All)
    }

    pub fn maintain(&self, now_ms: i64) {
        self.write_and_drop(now_ms);
        if !self.config.background {
            let _one = self.merging.lock();
            while self.merge_one() {}
        }
    }

    fn write_and_drop(&self, now_ms: i64) {
        let _turn = self.maintenance.lock();
        let aged_ms = self.config.retention_clock.at(now_ms);
        let cutoff_ns = aged_ms.saturating_sub(self.config.retention_ms).saturating_mul(1_000_000);
        self.cutoff_ns.store(cutoff_ns, Ordering::Relaxed);
        let wal_bytes = self.wal.total_bytes();
        let old = self.due(now_ms);
        if wal_bytes > self.config.max_bytes / 4 {
            self.note_flush(self.flush(Select::All));
        } else if self.state.read().head.bytes >= self.config.max_head_bytes / 2 {
            self.note_flush(self.flush(Select::Room));
        } else if old {
            self.note_flush(self.flush(Select::Idle));
        }
        self.set_damaged_aside();
        self.drop_old(cutoff_ns);
    }

    /// Whether something has been in memory for too long.
    fn due(&self, now_ms: i64) -> bool {
        let before = now_ms.saturating_sub(self.config.max_age_ms);
        self.state.read().head.slots().any(|(_, slot)| slot.touched_ms <= before)
    }

    fn note_flush(&self, done: Result<(), PartError>) {
        let mut turn = self.turn.lock();
        turn.failed = done.err().map(|error| {
            tracing::warn!(%error, "spans cannot be written to a part");
            if error.is_full() { WHY_FULL.to_owned() } else { error.to_string() }
        });
        self.turned.notify_all();
    }

    /// Writes traces of the head to a part, and lets the log and the head forget them. The caller holds `maintenance`.
    fn flush(&self, select: Select) -> Result<(), PartError> {
        let (mut slots, mark, segment) = {
            // No record is on its way from the log to the head now.
            let _gate = self.gate.write();
            let state = self.state.read();
            let mut ids = self.select(&state.head, select);
            let newest = self.wal.segments().last().map_or(0, |s| s.id.0);
            let long_ago = |s: &Slot| s.first_segment.0 < newest.saturating_sub(MOST_SEGMENTS);
            ids.extend(state.head.slots().filter(|(_, s)| long_ago(s)).map(|(id, _)| *id));
            if ids.is_empty() {
                return Ok(());
            }
            // Where no new segment can be begun, the one that is written to stays.
            let segment = self.wal.rotate().ok().or_else(|| self.wal.segments().last().map(|s| s.id));
            let segment = segment.unwrap_or(SegmentId(0));
            let oldest = state.head.oldest_segment(&ids).unwrap_or(segment).min(segment);
            let slots: Vec<(TraceId, Slot)> =
                ids.into_iter().filter_map(|id| state.head.get(id).map(|s| (id, s.clone()))).collect();
            (slots, Mark::all_before(oldest), segment)
        };
        let part = write_slots(&self.folder, &self.cache, &mut slots, mark)?;
        {
            let mut state = self.state.write();
            let mut parts = state.parts.to_vec();
            parts.extend(part);
            state.set_parts(parts);
            for (id, slot) in &slots {
                let piece = Piece {
                    spans: slot.entries.len() as u64,
                    first_ns: slot.first_ns,
                    last_ns: slot.last_ns,
                };
                state.head.forget(*id, slot.entries.len(), piece, segment);
            }
            self.memory.lock().resize_to(state.head.bytes as u64);
        }
        let removed = self.folder.probe().before(PartStep::RemoveSegments).map_err(|e| e.to_string());
        let removed = removed.and_then(|()| self.wal.remove_before(mark.segment).map_err(|e| e.to_string()));
        if let Err(error) = removed {
            tracing::warn!(error, "cannot remove old segments of the trace log");
        }
        Ok(())
    }

    fn select(&self, head: &Head, select: Select) -> Ids {
        let quiet = (self.config.clock)().saturating_sub(self.config.idle_ms);
        match select {
            Select::All => head.slots().map(|(id, _)| *id).collect(),
            Select::Idle => head.slots().filter(|(_, s)| s.touched_ms <= quiet).map(|(id, _)| *id).collect(),
            Select::Room => {
                let mut order: Vec<_> =
                    head.slots().map(|(id, s)| (s.touched_by, s.touched_ms, s.bytes, *id)).collect();
                order.sort_unstable();
                let mut left = head.bytes;
                let enough = self.config.max_head_bytes / 4;
                let take = |(_, touched, bytes, _): &(u64, i64, usize, TraceId)| {
                    let more = *touched <= quiet || left > enough;
                    left = left.saturating_sub(*bytes);
                    more
                };
                order.iter().copied().take_while(take).map(|(.., id)| id).collect()
            }
        }
    }

    fn set_damaged_aside(&self) {
        let parts = Arc::clone(&self.state.read().parts);
        for part in parts.iter().filter(|p| p.part.is_damaged()) {
            self.replace(&[part.part.sequence], None);
            self.folder.set_aside(part.part.sequence);
        }
    }

    /// Takes parts out of the list, and puts one in their place. Their files stay.
    fn replace(&self, gone: &[u64], new: Option<Arc<OpenPart>>) {
        let mut state = self.state.write();
        let kept = state.parts.iter().filter(|p| !gone.contains(&p.part.sequence)).cloned();
        let parts = kept.chain(new).collect();
        state.set_parts(parts);
        for sequence in gone {
            self.cache.forget(*sequence);
        }
    }

    fn drop_old(&self, cutoff_ns: i64) {
        let mut parts = self.state.read().parts.to_vec();
        parts.sort_unstable_by_key(|p| p.part.meta.last_t_ns);
        let mut bytes = self.wal.total_bytes() + parts.iter().map(|p| p.part.bytes).sum::<u64>();
        for part in parts {
            if part.part.meta.last_t_ns >= cutoff_ns && bytes <= self.config.max_bytes {
                break;
            }
            bytes -= part.part.bytes;
            self.replace(&[part.part.sequence], None);
            self.folder.remove(part.part.sequence);
            self.dropped.fetch_add(part.traces, Ordering::Relaxed);
        }
    }

    /// Merges parts of one size, where there are enough of them; answers whether it did. The caller holds `merging`.
    fn merge_one(&self) -> bool {
        let parts = Arc::clone(&self.state.read().parts);
        let Some(sources) = self.merge_candidates(&parts) else { return false };
        // The log and the parts of new spans need the disk more.
        let bytes: u64 = sources.iter().map(|p| p.part.bytes).sum();
        if self.folder.free_bytes().is_some_and(|free| free < bytes + MIN_FREE_BYTES) {
            return false;
        }
        let gone: Vec<u64> = sources.iter().map(|p| p.part.sequence).collect();
        let others: Vec<_> = parts.iter().filter(|p| !gone.contains(&p.part.sequence)).cloned().collect();
        let cutoff_ns = self.cutoff_ns.load(Ordering::Relaxed);
        let stopped = || self.turn.lock().stop;
        match merge(&self.folder, &self.cache, &sources, &others, cutoff_ns, &stopped) {
            Ok(None) if stopped() => false,
            Ok(new) => {
                self.replace(&gone, new);
                for sequence in gone {
                    self.folder.remove(sequence);
                }
                true
            }
            Err(PartError::Source(sequence, error)) => {
                let source = sources.iter().find(|p| p.part.sequence == sequence);
                if !source.is_some_and(|s| s.part.note(&error)) {
                    tracing::warn!(part = sequence, %error, "part of spans cannot be merged");
                }
                self.set_damaged_aside();
                false
            }
            Err(error) => {
                tracing::warn!(%error, "parts of spans cannot be merged");
                false
            }
        }
    }

    fn merge_candidates(&self, parts: &[Arc<OpenPart>]) -> Option<Vec<Arc<OpenPart>>> {
        let limit = self.config.max_part_bytes.min(self.config.max_bytes / 8);
        let mut tiers: HashMap<u32, Vec<&Arc<OpenPart>>> = HashMap::new();
        for part in parts.iter().filter(|p| !p.part.is_damaged()) {
            let tier = (part.part.bytes / SMALLEST).checked_ilog2().map_or(0, |n| 1 + n / 3);
            tiers.entry(tier).or_default().push(part);
        }
        for (size, mut tier) in tiers {
            let enough = MERGE_FROM[usize::from(size > 0)];
            // Neighbours in time.
            tier.sort_unstable_by_key(|p| p.part.meta.last_t_ns);
            let mut bytes = 0;
            let fits = |p: &&&Arc<OpenPart>| {
                bytes += p.part.bytes;
                bytes <= limit
            };
            let chosen: Vec<_> =
                tier.iter().take(MERGE_MOST).take_while(fits).map(|p| Arc::clone(p)).collect();
            if chosen.len() >= enough {
                return Some(chosen);
            }
        }
        None
    }
}

/// The first segment of the log that parts do not hold all of.
fn covered(parts: &[Arc<OpenPart>]) -> SegmentId {
    Mark::first_kept(parts.iter().flat_map(|p| &p.part.meta.marks))
}

/// The log's way back into memory, and on into parts where it is long.
struct Replay<'a> {
    config: &'a TraceStoreConfig,
    folder: &'a PartFolder,
    cache: &'a Arc<Cache>,
    head: Head,
    parts: Vec<Arc<OpenPart>>,
    /// Spans of traces that parts have, by trace.
    known: HashMap<TraceId, HashSet<(SpanId, i64), RandomState>, RandomState>,
    covered: SegmentId,
    now_ms: i64,
    damaged: u64,
    failed: Option<PartError>,
}

impl Replay<'_> {
    /// Traces whose spans in parts are remembered.
    const MAX_KNOWN: usize = 10_000;

    fn record(&mut self, segment: SegmentId, bytes: &[u8]) {
        if segment < self.covered || self.failed.is_some() {
            return;
        }
        let Ok(batch) = Batch::open(bytes) else {
            self.damaged += 1;
            return;
        };
        if self.known.len() > Self::MAX_KNOWN {
            self.known.clear();
        }
        for place in batch.spans() {
            let id = place.trace_id;
            if !self.known.contains_key(&id) && self.parts.iter().any(|p| p.may_have(id)) {
                let ids = self.parts.iter().flat_map(|p| p.span_ids(id).unwrap_or_default()).collect();
                self.known.insert(id, ids);
            }
        }
        let (known, parts) = (&self.known, &self.parts);
        let is_known = |id, span, start| known.get(&id).is_some_and(|ids| ids.contains(&(span, start)));
        let batch = Arc::new(batch);
        self.head.add(&batch, segment, self.now_ms, &mut |id| piece_of(parts, id), &is_known);
        if self.head.bytes >= self.config.max_head_bytes / 2 {
            self.write(segment);
        }
    }

    /// Writes the head as a part: records of earlier segments are in parts then.
    fn write(&mut self, segment: SegmentId) {
        let head = std::mem::take(&mut self.head);
        let mut slots: Vec<(TraceId, Slot)> = head.slots().map(|(id, s)| (*id, s.clone())).collect();
        match write_slots(self.folder, self.cache, &mut slots, Mark::all_before(segment)) {
            Ok(part) => {
                self.parts.extend(part);
                self.known.clear();
            }
            // Without room on the disk, memory has to do.
            Err(error) if error.is_full() => self.head = head,
            Err(error) => self.failed = Some(error),
        }
    }
}
