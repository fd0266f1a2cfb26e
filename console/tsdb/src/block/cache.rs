//! Decoded parts of blocks, bounded by bytes. The part unused for longest goes first, batches before indexes: one query
//! reads many batches once, but the same few indexes as the next query. A cache of a budget holds what is spare there, and less
//! when others need it.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use console_blockkit::{MemoryBudget, Reclaim, Reservation};
use parking_lot::Mutex;

use super::{columns::Batch, index::Index};

#[derive(Clone)]
pub(super) enum Part {
    Index(Arc<Index>),
    Batch(Arc<Batch>),
    /// A batch of histograms: their chunks' bytes.
    Histograms(Arc<[u8]>),
}

impl Part {
    fn memory_bytes(&self) -> usize {
        match self {
            Self::Index(i) => i.memory_bytes(),
            Self::Batch(b) => b.memory_bytes(),
            Self::Histograms(bytes) => bytes.len(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Index,
    Batch(u32),
    Histograms(u32),
}

/// A block's sequence, and a part of it.
pub(super) type Key = (u64, Place);

struct Held {
    part: Part,
    used: u64,
    /// Where the cache has a budget.
    _reservation: Option<Reservation>,
}

#[derive(Default)]
struct State {
    parts: HashMap<Key, Held>,
    bytes: usize,
    clock: u64,
}

pub struct BlockCache {
    limit: usize,
    budget: Option<Arc<MemoryBudget>>,
    state: Arc<Shared>,
}

/// What a budget may ask for less.
#[derive(Default)]
struct Shared(Mutex<State>);

impl BlockCache {
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit: limit_bytes, budget: None, state: Arc::default() }
    }

    /// A cache whose bytes are reserved in a budget too.
    pub fn of_budget(limit_bytes: usize, budget: &Arc<MemoryBudget>) -> Self {
        let cache = Self { budget: Some(Arc::clone(budget)), ..Self::new(limit_bytes) };
        let state: Weak<Shared> = Arc::downgrade(&cache.state);
        budget.add_cache(state);
        cache
    }

    pub(super) fn find(&self, key: Key) -> Option<Part> {
        let mut state = self.state.0.lock();
        state.clock += 1;
        let now = state.clock;
        let held = state.parts.get_mut(&key)?;
        held.used = now;
        Some(held.part.clone())
    }

    pub(super) fn put(&self, key: Key, part: Part) {
        let size = part.memory_bytes();
        if size > self.limit {
            return;
        }
        let mut state = self.state.0.lock();
        state.remove(key);
        while state.bytes + size > self.limit && state.remove_next() {}
        let Some(reservation) = self.reserve(&mut state, size) else { return };
        state.clock += 1;
        let used = state.clock;
        state.parts.insert(key, Held { part, used, _reservation: reservation });
        state.bytes += size;
    }

    /// Memory for a part; others make room. None where even an empty cache has no room.
    fn reserve(&self, state: &mut State, size: usize) -> Option<Option<Reservation>> {
        let Some(budget) = &self.budget else { return Some(None) };
        loop {
            if let Some(reservation) = budget.try_reserve_spare(size as u64) {
                return Some(Some(reservation));
            }
            if !state.remove_next() {
                return None;
            }
        }
    }

    pub(super) fn forget(&self, sequence: u64) {
        let mut state = self.state.0.lock();
        let gone: Vec<Key> = state.parts.keys().filter(|k| k.0 == sequence).copied().collect();
        for key in gone {
            state.remove(key);
        }
    }

    pub fn memory_bytes(&self) -> usize {
        self.state.0.lock().bytes
    }
}

impl State {
    fn remove(&mut self, key: Key) {
        if let Some(held) = self.parts.remove(&key) {
            self.bytes -= held.part.memory_bytes();
        }
    }

    /// False when there is nothing left.
    fn remove_next(&mut self) -> bool {
        let by_turn = |(key, held): &(&Key, &Held)| (key.1 == Place::Index, held.used);
        let Some(next) = self.parts.iter().min_by_key(by_turn).map(|(k, _)| *k) else { return false };
        self.remove(next);
        true
    }
}

impl Reclaim for Shared {
    fn reclaim(&self, bytes: u64) -> u64 {
        let mut state = self.0.lock();
        let before = state.bytes;
        while ((before - state.bytes) as u64) < bytes && state.remove_next() {}
        (before - state.bytes) as u64
    }
}
