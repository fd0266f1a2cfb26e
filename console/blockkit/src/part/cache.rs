//! What was read from parts and decoded, bounded by bytes. What was unused for longest goes first. A cache of a budget
//! holds what is spare there, and less when others need it.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use crate::budget::{MemoryBudget, Reclaim, Reservation};

/// Values by a part's sequence and a place in it.
#[derive(Debug)]
pub struct PartCache<K, V> {
    limit: usize,
    budget: Option<Arc<MemoryBudget>>,
    state: Arc<Mutex<State<K, V>>>,
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
    /// Where the cache has a budget.
    _reservation: Option<Reservation>,
}

impl<K: Copy + Eq + Hash, V: Clone> PartCache<K, V> {
    pub fn new(limit_bytes: usize) -> Self {
        let state = State { values: HashMap::new(), order: BTreeMap::new(), bytes: 0, clock: 0 };
        Self { limit: limit_bytes, budget: None, state: Arc::new(Mutex::new(state)) }
    }

    /// A cache whose bytes are reserved in a budget too.
    pub fn of_budget(limit_bytes: usize, budget: &Arc<MemoryBudget>) -> Self
    where
        K: Send + 'static,
        V: Send + 'static,
    {
        let cache = Self { budget: Some(Arc::clone(budget)), ..Self::new(limit_bytes) };
        let state: Weak<Mutex<State<K, V>>> = Arc::downgrade(&cache.state);
        budget.add_cache(state);
        cache
    }

    /// Memory for a value; what was unused for longest makes room. None where even an empty cache has no room.
    fn reserve(&self, state: &mut State<K, V>, bytes: usize) -> Option<Option<Reservation>> {
        let Some(budget) = &self.budget else { return Some(None) };
        loop {
            if let Some(reservation) = budget.try_reserve_spare(bytes as u64) {
                return Some(Some(reservation));
            }
            if !state.remove_oldest() {
                return None;
            }
        }
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
        while state.bytes + bytes > self.limit && state.remove_oldest() {}
        let Some(reservation) = self.reserve(&mut state, bytes) else { return };
        state.clock += 1;
        let used = state.clock;
        state.values.insert(key, Held { value, bytes, used, _reservation: reservation });
        state.order.insert(used, key);
        state.bytes += bytes;
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

    /// False when there is nothing left.
    fn remove_oldest(&mut self) -> bool {
        let Some(oldest) = self.order.first_key_value().map(|(_, key)| *key) else { return false };
        self.remove(oldest);
        true
    }
}

impl<K: Copy + Eq + Hash + Send, V: Send> Reclaim for Mutex<State<K, V>> {
    fn reclaim(&self, bytes: u64) -> u64 {
        let mut state = self.lock();
        let before = state.bytes;
        while ((before - state.bytes) as u64) < bytes && state.remove_oldest() {}
        (before - state.bytes) as u64
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

    #[test]
    fn a_cache_takes_what_is_spare_and_lets_go_of_it_for_whoever_needs_it() {
        let budget = MemoryBudget::new(100);
        let cache = PartCache::of_budget(90, &budget);
        cache.put(1, 0, "a", 40);
        cache.put(1, 1, "b", 40);
        assert_eq!((cache.memory_bytes(), budget.used()), (80, 80));
        let mut head = budget.try_reserve(50).unwrap();
        assert_eq!((cache.find(1, 0), cache.find(1, 1), budget.used()), (None, Some("b"), 90));
        // The cache asks nobody to let go of memory.
        cache.put(2, 0, "c", 60);
        assert_eq!((cache.find(2, 0), cache.memory_bytes(), budget.used()), (None, 0, 50));
        head.shrink_to(0);
        cache.put(2, 0, "c", 60);
        assert_eq!(budget.used(), 60);
        assert!(budget.try_reserve(101).is_none(), "no cache is emptied for what can never be");
        assert_eq!(cache.find(2, 0), Some("c"));
        drop(cache);
        assert_eq!(budget.used(), 0);
    }
}
