//! What memory holds, counted in the budget of all stores.
//!
//! Points are reserved before they come, at what they take at most; from time to time, and when there is no room, what they
//! really take is measured. Series and labels are counted after they came, since only judging a write tells which are new:
//! one write may go over the budget by them, and the next one finds no room.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use console_blockkit::{MemoryBudget, Reservation};
use console_storage::{
    AppendError,
    metrics::{SeriesBatch, WorkingMemory},
};
use parking_lot::Mutex;

use crate::{Tsdb, head::Head};

/// A point before it is compressed.
const FLOAT_BYTES: u64 = 16;
const HISTOGRAM_BYTES: u64 = 512;
/// What a series takes beside its chunks and text: its places in the index.
const SERIES_BYTES: u64 = 256;
/// Memory is measured when so many bytes were reserved for points,
const MEASURE_EVERY: u64 = 8 << 20;
/// or so many series are new.
const MEASURE_SERIES: usize = 2_000;
/// What is younger stays in memory as long as that makes room enough: late points are compared with it.
const YOUNG_MS: i64 = 60_000;
const RETRY_S: u32 = 5;

/// The memory of the head. Its lock is held for moments, and no other is taken meanwhile.
#[derive(Debug)]
pub(crate) struct HeadMemory {
    held: Mutex<Held>,
    /// When blocks were made for want of memory.
    flushed: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Held {
    reservation: Reservation,
    /// Reserved since it was measured.
    since: u64,
    /// Series when it was measured.
    series: usize,
}

impl HeadMemory {
    pub fn new(budget: &Arc<MemoryBudget>, head: &Head) -> Self {
        let reservation = budget.reserve_over(measure(head));
        Self {
            held: Mutex::new(Held { reservation, since: 0, series: head.len() }),
            flushed: Mutex::default(),
        }
    }

    /// Whether it is time for blocks; then the next time is later.
    fn may_flush(&self, min_ms: u64) -> bool {
        let mut flushed = self.flushed.lock();
        let may = flushed.is_none_or(|at| at.elapsed() >= Duration::from_millis(min_ms));
        if may {
            *flushed = Some(Instant::now());
        }
        may
    }

    /// Counts points that came, with what was reserved for them; answers whether it is time to measure.
    fn add(&self, room: Reservation, series: usize) -> bool {
        let mut held = self.held.lock();
        held.since += room.bytes();
        held.reservation.join(room);
        held.since >= MEASURE_EVERY || series > held.series + MEASURE_SERIES
    }

    fn set(&self, bytes: u64, series: usize) {
        let mut held = self.held.lock();
        (held.since, held.series) = (0, series);
        held.reservation.resize_to(bytes);
    }
}

/// What one query holds. Caches make room for it, and what they cannot give is held over the budget: heads find less room
/// then, and are written earlier.
pub(crate) struct QueryMemory {
    budget: Arc<MemoryBudget>,
    held: Mutex<Reservation>,
}

impl QueryMemory {
    pub fn new(budget: &Arc<MemoryBudget>) -> Self {
        Self { budget: Arc::clone(budget), held: Mutex::new(budget.reserve_over(0)) }
    }
}

impl WorkingMemory for QueryMemory {
    fn hold(&self, bytes: u64) {
        let mut held = self.held.lock();
        match bytes.checked_sub(held.bytes()) {
            Some(more) => {
                let room = self.budget.try_reserve(more).unwrap_or_else(|| self.budget.reserve_over(more));
                held.join(room);
            }
            None => held.shrink_to(bytes),
        }
    }
}

/// Bytes that series in memory take, about.
pub(crate) fn measure(head: &Head) -> u64 {
    head.all().map(|s| s.memory_bytes() + SERIES_BYTES + 2 * u64::from(s.label_bytes)).sum()
}

/// What the points of a write take at most.
fn points_bytes(batch: &[SeriesBatch]) -> u64 {
    let of = |part: &SeriesBatch| {
        part.samples.len() as u64 * FLOAT_BYTES + part.histograms.len() as u64 * HISTOGRAM_BYTES
    };
    batch.iter().map(of).sum()
}

impl Tsdb {
    /// Counts what the head really takes. What is being appended meanwhile is counted by its append.
    pub(crate) fn measure_memory(&self) {
        let (bytes, series) = {
            let head = self.head.read();
            (measure(&head), head.len())
        };
        self.memory.set(bytes, series);
    }

    /// Counts a write that was stored.
    pub(crate) fn note_memory(&self, room: Reservation) {
        let series = self.head.read().len();
        if self.memory.add(room, series) {
            self.measure_memory();
        }
    }

    /// Memory for the points of a write. Where there is none, older points become blocks at once, then all. The caller
    /// holds no lock.
    pub(crate) fn room(&self, batch: &[SeriesBatch]) -> Result<Reservation, AppendError> {
        let bytes = points_bytes(batch);
        if let Some(room) = self.config.budget.try_reserve(bytes) {
            return Ok(room);
        }
        let mut state = self.flush.lock();
        // Whoever had the lock may have made room.
        if let Some(room) = self.room_now(bytes) {
            return Ok(room);
        }
        let mut failed = None;
        if self.memory.may_flush(self.config.min_flush_ms) {
            let young_ms = (self.config.clock)().saturating_sub(YOUNG_MS);
            for before_ms in [young_ms, i64::MAX] {
                if let Err(error) = self.flush_now(before_ms, &mut state) {
                    tracing::error!(%error, "metrics stay in memory: cannot write block");
                    failed = Some(error);
                    break;
                }
                if let Some(room) = self.room_now(bytes) {
                    return Ok(room);
                }
            }
        }
        let cause =
            failed.map_or_else(String::new, |e| format!(", and blocks cannot be written: {}", e.chain()));
        let (used, limit) = (self.config.budget.used(), self.config.budget.limit());
        let reason = format!(
            "metrics in memory ({used} bytes) leave no room within the memory of all stores ({limit} bytes){cause}"
        );
        Err(AppendError::Busy { reason, retry_after_s: RETRY_S })
    }

    /// Memory for so many bytes, by what the head really takes. An empty one lets in whatever comes: a write that is
    /// larger than all that may be is let in alone.
    fn room_now(&self, bytes: u64) -> Option<Reservation> {
        self.measure_memory();
        let budget = &self.config.budget;
        let room = budget.try_reserve(bytes);
        room.or_else(|| (self.head.read().len() == 0).then(|| budget.reserve_over(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use console_blockkit::MemoryPool;

    use super::*;

    #[test]
    fn a_query_is_never_refused_and_leaves_others_what_they_were_promised() {
        let pool = MemoryPool::new(100);
        let (head, queries) = (pool.share(30).unwrap(), pool.share(20).unwrap());
        let query = QueryMemory::new(&queries);
        query.hold(60);
        assert_eq!((queries.used(), head.try_reserve(41).is_none()), (60, true));
        query.hold(500);
        assert!(head.try_reserve(30).is_some() && head.try_reserve(31).is_none());
        query.hold(10);
        assert_eq!(queries.used(), 10);
        assert!(head.try_reserve(80).is_some());
        drop(query);
        assert_eq!(pool.used(), 0);
    }
}
