//! Decoded parts of blocks, bounded by bytes. The part unused for longest goes first, batches before indexes: one query
//! reads many batches once, but the same few indexes as the next query.

use std::{collections::HashMap, sync::Arc};

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

#[derive(Default)]
struct State {
    parts: HashMap<Key, (Part, u64)>,
    bytes: usize,
    clock: u64,
}

pub struct BlockCache {
    limit: usize,
    state: Mutex<State>,
}

impl BlockCache {
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit: limit_bytes, state: Mutex::default() }
    }

    pub(super) fn find(&self, key: Key) -> Option<Part> {
        let mut state = self.state.lock();
        state.clock += 1;
        let now = state.clock;
        let (part, used) = state.parts.get_mut(&key)?;
        *used = now;
        Some(part.clone())
    }

    pub(super) fn put(&self, key: Key, part: Part) {
        let size = part.memory_bytes();
        if size > self.limit {
            return;
        }
        let mut state = self.state.lock();
        state.clock += 1;
        let now = state.clock;
        if let Some((old, _)) = state.parts.insert(key, (part, now)) {
            state.bytes -= old.memory_bytes();
        }
        state.bytes += size;
        while state.bytes > self.limit {
            let by_turn = |(key, (_, used)): &(&Key, &(Part, u64))| (key.1 == Place::Index, *used);
            let Some(next) = state.parts.iter().min_by_key(by_turn).map(|(k, _)| *k) else { break };
            state.remove(next);
        }
    }

    pub(super) fn forget(&self, sequence: u64) {
        let mut state = self.state.lock();
        let gone: Vec<Key> = state.parts.keys().filter(|k| k.0 == sequence).copied().collect();
        for key in gone {
            state.remove(key);
        }
    }

    pub fn memory_bytes(&self) -> usize {
        self.state.lock().bytes
    }
}

impl State {
    fn remove(&mut self, key: Key) {
        if let Some((part, _)) = self.parts.remove(&key) {
            self.bytes -= part.memory_bytes();
        }
    }
}
