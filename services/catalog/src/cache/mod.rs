//! Read-through cache of answers in Redis, with a small map in the process behind it.
//!
//! Answers are fresh about a minute, each a little longer or shorter, so that they do not all end at once, and are kept
//! longer: while the database is away they are served stale. However many requests miss the same key together, one of
//! them asks the database and all share what it gets, errors too (single flight, within this process). What does not
//! exist is remembered briefly, in the process only and within a bound. A Redis that is slow or gone costs at most one
//! short timeout now and then: the process's own map answers for seconds, and the database after that.

mod entry;
mod local;
mod redis;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;
use prometheus::IntCounterVec;
use shop_contracts::Code;
use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::problem::Problem;

use self::entry::Entry;
use self::local::Local;
use self::redis::{Read, Store};

/// Longer answers are not kept in the process.
const LONGEST_LOCAL_BYTES: usize = 32 * 1024;
const LOCAL_ENTRIES: usize = 512;
const ABSENT_ENTRIES: usize = 4096;

/// What the database gives: an answer, that there is none, or why not.
pub type Loaded = Result<Option<Arc<str>>, Problem>;
type Flight = BoxFuture<'static, Result<Answer, Problem>>;

/// How an answer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From a cache, fresh.
    Cache,
    /// From the database.
    Database,
    /// From a cache, no longer fresh, because the database is away.
    Stale,
}

/// An answer, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The answer.
    pub text: Option<Arc<str>>,
    /// Where it is from.
    pub source: Source,
}

/// Limits of the cache.
#[derive(Debug, Clone)]
pub struct CacheConfig {
    /// Middle of the time that an answer is fresh.
    pub ttl: Duration,
    /// How far from the middle it may end, in percent.
    pub jitter_percent: u32,
    /// How long after that it may be served while the database is away.
    pub stale_for: Duration,
    /// How long an answer in the process is fresh while Redis is away; a change elsewhere is seen after that.
    pub local_ttl: Duration,
    /// How long it is remembered that something does not exist.
    pub absent_ttl: Duration,
    /// Longest wait for the database when there is a stale answer.
    pub refresh_timeout: Duration,
    /// How long stale answers are served without asking a database that was away.
    pub database_pause: Duration,
    /// Longest wait for Redis before the database is asked.
    pub redis_timeout: Duration,
    /// How long Redis is left alone after it failed.
    pub redis_pause: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            ttl: Duration::from_mins(1),
            jitter_percent: 20,
            stale_for: Duration::from_hours(1),
            local_ttl: Duration::from_secs(5),
            absent_ttl: Duration::from_secs(10),
            refresh_timeout: Duration::from_millis(500),
            database_pause: Duration::from_secs(1),
            redis_timeout: Duration::from_millis(100),
            redis_pause: Duration::from_secs(2),
        }
    }
}

/// The cache; cheap to clone.
#[derive(Clone)]
pub struct ReadThrough {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    local: Local<Arc<str>>,
    absent: Local<()>,
    config: CacheConfig,
    requests: IntCounterVec,
    clock: SharedClock,
    flights: Mutex<HashMap<String, WeakShared<Flight>>>,
    database_away_until_ms: AtomicI64,
}

impl ReadThrough {
    /// A cache in this Redis; without one, in the process only.
    pub fn new(
        redis: Option<shop_instrumentation::kv::Connection>,
        requests: IntCounterVec,
        clock: SharedClock,
        config: CacheConfig,
    ) -> Self {
        let inner = Inner {
            store: Store::new(redis, config.redis_timeout, config.redis_pause),
            local: Local::new(LOCAL_ENTRIES),
            absent: Local::new(ABSENT_ENTRIES),
            config,
            requests,
            clock,
            flights: Mutex::new(HashMap::new()),
            database_away_until_ms: AtomicI64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The answer under `key`, or what `load` gives, kept for the next time.
    pub async fn get_or_load<F>(&self, key: String, load: F) -> Result<Answer, Problem>
    where
        F: Future<Output = Loaded> + Send + 'static,
    {
        self.join(key, load).await
    }

    /// Whether anything is kept that could be served while the database is away.
    pub async fn has_answers(&self) -> bool {
        !self.inner.local.is_empty() || self.inner.store.has_entries().await
    }

    /// Forgets everything, in Redis and in this process.
    pub async fn forget(&self) {
        self.inner.store.forget().await;
        self.inner.local.clear();
        self.inner.absent.clear();
    }

    fn join<F>(&self, key: String, load: F) -> Shared<Flight>
    where
        F: Future<Output = Loaded> + Send + 'static,
    {
        let mut flights = self.inner.flights.lock();
        if let Some(flight) = flights.get(&key).and_then(WeakShared::upgrade) {
            return flight;
        }
        if flights.len() >= 1024 {
            // Flights that everybody walked away from never end by themselves.
            flights.retain(|_, flight| flight.upgrade().is_some());
        }
        let (inner, owned) = (Arc::clone(&self.inner), key.clone());
        let flight = async move {
            let answer = inner.read_through(&owned, load).await;
            inner.flights.lock().remove(&owned);
            answer
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key, weak);
        }
        flight
    }
}

impl Inner {
    async fn read_through(&self, key: &str, load: impl Future<Output = Loaded>) -> Result<Answer, Problem> {
        let now = self.now_ms();
        if self.absent.get(key).is_some_and(|(until, ())| until > now) {
            self.count("hit");
            return Ok(Answer { text: None, source: Source::Cache });
        }
        let read = self.store.read(key).await;
        let local = self.local.get(key).map(|(fresh_until_ms, text)| Entry { fresh_until_ms, text });
        let (entry, generation, missed) = match read {
            Ok(Read { entry, generation }) => (entry, Some(generation), "miss"),
            Err(_) => (local.clone(), None, "error"),
        };
        if let Some(entry) = entry.as_ref().filter(|entry| entry.fresh_until_ms > now) {
            self.count(if generation.is_some() { "hit" } else { missed });
            if generation.is_some() {
                self.put_local(key, now, &entry.text);
            }
            return Ok(Answer { text: Some(Arc::clone(&entry.text)), source: Source::Cache });
        }
        self.count(missed);
        let stale =
            entry.or(local).filter(|entry| entry.fresh_until_ms + millis(self.config.stale_for) > now);
        match self.load(now, stale.is_some(), load).await {
            Ok(Some(text)) => {
                self.put(key, &text, generation.as_deref()).await;
                Ok(Answer { text: Some(text), source: Source::Database })
            }
            Ok(None) => {
                self.absent.put(key, self.now_ms() + millis(self.config.absent_ttl), ());
                Ok(Answer { text: None, source: Source::Database })
            }
            Err(problem) => match stale {
                Some(entry) if is_away(&problem) => {
                    self.count("stale");
                    Ok(Answer { text: Some(entry.text), source: Source::Stale })
                }
                _ => Err(problem),
            },
        }
    }

    /// Asks the database; not for long, and not at all while it is known to be away, when there is a stale answer.
    async fn load(&self, now: i64, has_stale: bool, load: impl Future<Output = Loaded>) -> Loaded {
        let away = || Err(Problem::new(Code::Unavailable, "the database is away"));
        if has_stale && now < self.database_away_until_ms.load(Ordering::Relaxed) {
            return away();
        }
        let loaded = if has_stale {
            tokio::time::timeout(self.config.refresh_timeout, load).await.unwrap_or_else(|_| away())
        } else {
            load.await
        };
        if loaded.as_ref().is_err_and(is_away) {
            let until = self.now_ms() + millis(self.config.database_pause);
            self.database_away_until_ms.store(until, Ordering::Relaxed);
        }
        loaded
    }

    async fn put(&self, key: &str, text: &Arc<str>, generation: Option<&str>) {
        let now = self.now_ms();
        self.put_local(key, now, text);
        if let Some(generation) = generation {
            let ttl = jittered(self.config.ttl, self.config.jitter_percent, rand::random());
            let entry = Entry { fresh_until_ms: now + millis(ttl), text: Arc::clone(text) };
            self.store.write(key, &entry, generation, ttl + self.config.stale_for).await;
        }
    }

    fn put_local(&self, key: &str, now: i64, text: &Arc<str>) {
        if text.len() <= LONGEST_LOCAL_BYTES {
            self.local.put(key, now + millis(self.config.local_ttl), Arc::clone(text));
        }
    }

    fn count(&self, outcome: &str) {
        self.requests.with_label_values(&[outcome]).inc();
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }
}

fn is_away(problem: &Problem) -> bool {
    matches!(problem.code(), Code::Unavailable | Code::Timeout)
}

fn millis(duration: Duration) -> i64 {
    duration.as_millis() as i64
}

/// `ttl` moved by up to `percent` either way; `dice` decides.
fn jittered(ttl: Duration, percent: u32, dice: u32) -> Duration {
    let spread = f64::from(percent) / 100.0 * (f64::from(dice) / f64::from(u32::MAX) * 2.0 - 1.0);
    ttl.mul_f64((1.0 + spread).max(0.0))
}

#[cfg(test)]
mod tests;
