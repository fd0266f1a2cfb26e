//! Answers kept in the process for a moment: a busy page costs its peers one call a second instead of thousands.
//!
//! What must always hold: of one key at most one load is under way, in a task of its own, and everybody who waits gets its
//! result, errors included; whoever leaves does not stop it. A value past its time is handed out for a while longer
//! while a new one is loaded, also when that fails. Bounded. Errors are not kept.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::Instrument as _;

type Loaded<V, E> = Option<Result<Arc<V>, E>>;

/// A small map of values with one time to live.
pub struct MicroCache<V, E> {
    shared: Arc<Shared<V, E>>,
}

struct Shared<V, E> {
    fresh: Duration,
    stale: Duration,
    capacity: usize,
    entries: Mutex<HashMap<String, Entry<V, E>>>,
}

struct Entry<V, E> {
    kept: Option<(Instant, Arc<V>)>,
    load: Option<watch::Receiver<Loaded<V, E>>>,
}

impl<V, E> Clone for MicroCache<V, E> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<V: Send + Sync + 'static, E: Clone + Send + Sync + 'static> MicroCache<V, E> {
    /// At most `capacity` values, each for `fresh`, and for `stale` longer while a new one is loaded.
    pub fn new(fresh: Duration, stale: Duration, capacity: usize) -> Self {
        Self { shared: Arc::new(Shared { fresh, stale, capacity, entries: Mutex::default() }) }
    }

    /// The value under `key`, or what `load` gives.
    ///
    /// # Panics
    /// When the load panicked.
    pub async fn get_or_load<F>(&self, key: &str, load: impl FnOnce() -> F) -> Result<Arc<V>, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let mut waiting = {
            let mut entries = self.shared.entries.lock();
            // The common case, without an allocation.
            if let Some((at, value)) = entries.get(key).and_then(|entry| entry.kept.as_ref())
                && at.elapsed() < self.shared.fresh
            {
                return Ok(Arc::clone(value));
            }
            let entry = self.entry(&mut entries, key);
            let kept = entry.kept.clone();
            let age = kept.as_ref().map(|(at, _)| at.elapsed());
            let under_way = entry.load.clone().filter(|load| load.has_changed().is_ok());
            let load = under_way.unwrap_or_else(|| self.start(entry, key, load()));
            match (kept, age) {
                (Some((_, value)), Some(age)) if age < self.shared.fresh + self.shared.stale => {
                    return Ok(value);
                }
                _ => load,
            }
        };
        let loaded = waiting.wait_for(Option::is_some).await.expect("the load did not panic");
        loaded.clone().expect("waited for")
    }

    /// The last value under `key`, however old.
    pub fn last(&self, key: &str) -> Option<Arc<V>> {
        let entries = self.shared.entries.lock();
        entries.get(key)?.kept.as_ref().map(|(_, value)| Arc::clone(value))
    }

    /// Puts a value in that was not loaded.
    pub fn put(&self, key: &str, value: V) {
        let mut entries = self.shared.entries.lock();
        self.entry(&mut entries, key).kept = Some((Instant::now(), Arc::new(value)));
    }

    /// Starts a load in a task of its own.
    fn start<F>(&self, entry: &mut Entry<V, E>, key: &str, load: F) -> watch::Receiver<Loaded<V, E>>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let (done, waiting) = watch::channel(None);
        entry.load = Some(waiting.clone());
        let (shared, key) = (Arc::clone(&self.shared), key.to_owned());
        let work = async move {
            let loaded = load.await.map(Arc::new);
            if let Some(entry) = shared.entries.lock().get_mut(&key) {
                entry.load = None;
                if let Ok(value) = &loaded {
                    entry.kept = Some((Instant::now(), Arc::clone(value)));
                }
            }
            done.send_replace(Some(loaded));
        };
        tokio::spawn(work.in_current_span());
        waiting
    }

    fn entry<'a>(&self, entries: &'a mut HashMap<String, Entry<V, E>>, key: &str) -> &'a mut Entry<V, E> {
        if !entries.contains_key(key) && entries.len() >= self.shared.capacity {
            self.make_room(entries);
        }
        entries.entry(key.to_owned()).or_insert(Entry { kept: None, load: None })
    }

    /// Drops what is neither fresh nor being loaded; if that is nothing, all that is not being loaded, which costs one
    /// load each; if that is nothing either, everything.
    fn make_room(&self, entries: &mut HashMap<String, Entry<V, E>>) {
        let fresh = self.shared.fresh;
        let is_fresh = |entry: &Entry<V, E>| entry.kept.as_ref().is_some_and(|(at, _)| at.elapsed() < fresh);
        entries.retain(|_, entry| is_fresh(entry) || entry.load.is_some());
        if entries.len() >= self.shared.capacity {
            entries.retain(|_, entry| entry.load.is_some());
        }
        if entries.len() >= self.shared.capacity {
            entries.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_value_is_loaded_once_while_fresh_and_an_error_is_not_kept() {
        let cache = MicroCache::<u32, ()>::new(LONG, Duration::ZERO, 4);
        assert!(cache.get_or_load("a", || async { Err(()) }).await.is_err());
        assert_eq!(cache.get_or_load("a", || async { Ok(1) }).await.as_deref(), Ok(&1));
        assert_eq!(cache.get_or_load("a", || async { Ok(2) }).await.as_deref(), Ok(&1));
        assert_eq!(cache.last("a").as_deref(), Some(&1));
        assert!(cache.last("b").is_none());
    }

    #[tokio::test]
    async fn everybody_who_waits_shares_the_first_load_and_its_error() {
        let cache = MicroCache::<u32, &str>::new(LONG, Duration::ZERO, 4);
        let (loads, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let ask = || {
            let (cache, loads, gate) = (cache.clone(), Arc::clone(&loads), Arc::clone(&gate));
            async move {
                let load = || async move {
                    loads.fetch_add(1, Ordering::Relaxed);
                    let _turn = gate.acquire().await;
                    Err("gone")
                };
                cache.get_or_load("a", load).await
            }
        };
        let opened = async {
            tokio::task::yield_now().await;
            gate.add_permits(1_000);
        };
        let (answers, ()) = tokio::join!(join_all((0..50).map(|_| ask())), opened);
        assert!(answers.iter().all(|answer| answer == &Err("gone")));
        assert_eq!(loads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn whoever_leaves_does_not_stop_the_load() {
        let cache = MicroCache::<u32, ()>::new(LONG, Duration::ZERO, 4);
        let gate = Arc::new(Semaphore::new(0));
        let turn = Arc::clone(&gate);
        let load = || async move {
            let _turn = turn.acquire().await;
            Ok(7)
        };
        tokio::select! {
            biased;
            _ = cache.get_or_load("a", load) => unreachable!("the gate is shut"),
            () = tokio::task::yield_now() => {}
        }
        gate.add_permits(1);
        assert_eq!(cache.get_or_load("a", || async { Ok(8) }).await.as_deref(), Ok(&7));
    }

    #[tokio::test]
    async fn stale_value_is_handed_out_while_a_new_one_is_loaded_and_when_that_fails() {
        let cache = MicroCache::<u32, ()>::new(Duration::ZERO, LONG, 4);
        cache.put("a", 1);
        assert_eq!(cache.get_or_load("a", || async { Err(()) }).await.as_deref(), Ok(&1));
        tokio::task::yield_now().await;
        assert_eq!(cache.get_or_load("a", || async { Ok(2) }).await.as_deref(), Ok(&1));
        shop_testkit::eventually("the new value is there", || async {
            cache.last("a").as_deref() == Some(&2)
        })
        .await;
    }

    #[tokio::test]
    async fn never_more_entries_than_the_bound() {
        let cache = MicroCache::<usize, ()>::new(LONG, Duration::ZERO, 4);
        for key in 0..20 {
            cache.get_or_load(&key.to_string(), || async move { Ok(key) }).await.unwrap();
        }
        assert!(cache.shared.entries.lock().len() <= 4);
    }
}
