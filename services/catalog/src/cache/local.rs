//! A small map in this process: what bridges an outage of Redis, and of Postgres too.

use std::collections::HashMap;

use parking_lot::Mutex;

/// At most `capacity` values; the one that was to be fresh the shortest goes first.
pub(super) struct Local<T> {
    capacity: usize,
    values: Mutex<HashMap<String, (i64, T)>>,
}

impl<T: Clone> Local<T> {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, values: Mutex::new(HashMap::new()) }
    }

    /// The value and until when it is fresh, Unix ms.
    pub fn get(&self, key: &str) -> Option<(i64, T)> {
        self.values.lock().get(key).cloned()
    }

    pub fn put(&self, key: &str, fresh_until_ms: i64, value: T) {
        let mut values = self.values.lock();
        if values.len() >= self.capacity && !values.contains_key(key) {
            let oldest = values.iter().min_by_key(|(_, (fresh_until, _))| *fresh_until);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                values.remove(&oldest);
            }
        }
        values.insert(key.to_owned(), (fresh_until_ms, value));
    }

    pub fn is_empty(&self) -> bool {
        self.values.lock().is_empty()
    }

    pub fn clear(&self) {
        self.values.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_and_the_bound_holds() {
        let local = Local::new(2);
        for (key, at) in [("a", 5), ("b", 3), ("c", 9), ("c", 9)] {
            local.put(key, at, ());
        }
        assert_eq!(local.values.lock().len(), 2);
        assert_eq!((local.get("a"), local.get("b"), local.get("c")), (Some((5, ())), None, Some((9, ()))));
    }
}
