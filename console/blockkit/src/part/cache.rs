//! What was read from parts and decoded, bounded by bytes. What was unused for longest goes first.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use parking_lot::Mutex;

/// Values by a part's sequence and a place in it.
#[derive(Debug)]
pub struct PartCache<K, V> {
    limit: usize,
    state: Mutex<State<K, V>>,
}

#[derive(Debug)]
struct State<K, V> {
    values: HashMap<(u64, K), Held<V>>,
    /// By last use.
    order: BTreeMap<u64, (u64, K)>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Held<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V: Clone> PartCache<K, V> {
    pub fn new(limit_bytes: usize) -> Self {
        let state = State { values: HashMap::new(), order: BTreeMap::new(), bytes: 0, clock: 0 };
        Self { limit: limit_bytes, state: Mutex::new(state) }
    }

    pub fn find(&self, sequence: u64, place: K) -> Option<V> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let held = state.values.get_mut(&(sequence, place))?;
        state.order.remove(&held.used);
        state.clock += 1;
        held.used = state.clock;
        state.order.insert(held.used, (sequence, place));
        Some(held.value.clone())
    }

    /// Keeps a value that takes so many bytes; one larger than the whole cache is not kept.
    pub fn put(&self, sequence: u64, place: K, value: V, bytes: usize) {
        if bytes > self.limit {
            return;
        }
        let mut state = self.state.lock();
        let key = (sequence, place);
        state.remove(key);
        state.clock += 1;
        let used = state.clock;
        state.values.insert(key, Held { value, bytes, used });
        state.order.insert(used, key);
        state.bytes += bytes;
        while state.bytes > self.limit {
            let Some(oldest) = state.order.first_key_value().map(|(_, key)| *key) else { break };
            state.remove(oldest);
        }
    }

    /// Drops everything of a part.
    pub fn forget(&self, sequence: u64) {
        let mut state = self.state.lock();
        let gone: Vec<(u64, K)> = state.values.keys().filter(|k| k.0 == sequence).copied().collect();
        for key in gone {
            state.remove(key);
        }
    }

    pub fn memory_bytes(&self) -> usize {
        self.state.lock().bytes
    }
}

impl<K: Copy + Eq + Hash, V> State<K, V> {
    fn remove(&mut self, key: (u64, K)) {
        if let Some(held) = self.values.remove(&key) {
            self.order.remove(&held.used);
            self.bytes -= held.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_unused_for_longest_goes_first_and_a_part_is_forgotten_whole() {
        let cache = PartCache::new(100);
        cache.put(1, 0, "a", 40);
        cache.put(1, 1, "b", 40);
        assert_eq!(cache.find(1, 0), Some("a"));
        cache.put(2, 0, "c", 40);
        assert_eq!((cache.find(1, 1), cache.find(1, 0), cache.find(2, 0)), (None, Some("a"), Some("c")));
        cache.put(2, 0, "d", 60);
        assert_eq!((cache.find(2, 0), cache.memory_bytes()), (Some("d"), 100));
        cache.put(2, 1, "too large", 101);
        assert_eq!(cache.find(2, 1), None);
        cache.forget(2);
        assert_eq!((cache.find(2, 0), cache.memory_bytes()), (None, 40));
    }
}
