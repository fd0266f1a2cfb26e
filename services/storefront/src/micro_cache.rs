//! Answers kept in the process for a moment: a busy page costs its peers one call a second instead of thousands.
//!
//! Bounded; loads of one key wait for the first of them. Errors are not kept.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;

/// A small map of values with one time to live.
pub struct MicroCache<V> {
    ttl: Duration,
    capacity: usize,
    entries: RwLock<HashMap<String, Arc<Entry<V>>>>,
}

struct Entry<V> {
    value: RwLock<Option<(Instant, Arc<V>)>>,
    loading: tokio::sync::Mutex<()>,
}

impl<V> MicroCache<V> {
    /// At most `capacity` values, each for `ttl`.
    pub fn new(ttl: Duration, capacity: usize) -> Self {
        Self { ttl, capacity, entries: RwLock::new(HashMap::new()) }
    }

    /// The value under `key`, or what `load` gives.
    pub async fn get_or_load<E>(
        &self,
        key: &str,
        load: impl Future<Output = Result<V, E>>,
    ) -> Result<Arc<V>, E> {
        let entry = self.entry(key);
        if let Some(value) = self.fresh(&entry) {
            return Ok(value);
        }
        let _turn = entry.loading.lock().await;
        if let Some(value) = self.fresh(&entry) {
            return Ok(value);
        }
        let value = Arc::new(load.await?);
        *entry.value.write() = Some((Instant::now(), Arc::clone(&value)));
        Ok(value)
    }

    /// The last value under `key`, however old.
    pub fn last(&self, key: &str) -> Option<Arc<V>> {
        let entry = self.entries.read().get(key).cloned()?;
        let value = entry.value.read();
        value.as_ref().map(|(_, value)| Arc::clone(value))
    }

    fn fresh(&self, entry: &Entry<V>) -> Option<Arc<V>> {
        let value = entry.value.read();
        value.as_ref().filter(|(at, _)| at.elapsed() < self.ttl).map(|(_, value)| Arc::clone(value))
    }

    fn entry(&self, key: &str) -> Arc<Entry<V>> {
        if let Some(entry) = self.entries.read().get(key) {
            return Arc::clone(entry);
        }
        let mut entries = self.entries.write();
        if entries.len() >= self.capacity {
            self.make_room(&mut entries);
        }
        let empty = || Arc::new(Entry { value: RwLock::new(None), loading: tokio::sync::Mutex::new(()) });
        Arc::clone(entries.entry(key.to_owned()).or_insert_with(empty))
    }

    /// Drops what is no longer fresh; if that is nothing, everything, which costs one load each.
    fn make_room(&self, entries: &mut HashMap<String, Arc<Entry<V>>>) {
        entries.retain(|_, entry| self.fresh(entry).is_some());
        if entries.len() >= self.capacity {
            entries.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_value_is_loaded_once_while_fresh_and_an_error_is_not_kept() {
        let cache = MicroCache::<u32>::new(Duration::from_mins(1), 4);
        assert!(cache.get_or_load("a", async { Err::<u32, ()>(()) }).await.is_err());
        assert_eq!(*cache.get_or_load("a", async { Ok::<_, ()>(1) }).await.unwrap(), 1);
        assert_eq!(*cache.get_or_load("a", async { Ok::<_, ()>(2) }).await.unwrap(), 1);
        assert_eq!(cache.last("a").as_deref(), Some(&1));
        assert!(cache.last("b").is_none());
    }

    #[tokio::test]
    async fn never_more_entries_than_the_bound() {
        let cache = MicroCache::<usize>::new(Duration::from_mins(1), 4);
        for key in 0..20 {
            cache.get_or_load(&key.to_string(), async { Ok::<_, ()>(key) }).await.unwrap();
        }
        assert!(cache.entries.read().len() <= 4);
    }
}
