//! Read-through cache of answers in Redis.
//!
//! Keys live about a minute, each a little longer or shorter, so that they do not all end at once. However many
//! requests miss the same key together, one of them asks the database (single flight, within this process). A Redis
//! that is slow or gone costs at most one short timeout now and then: the answer comes from the database.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;
use prometheus::IntCounterVec;
use redis::AsyncCommands;
use redis::aio::ConnectionManager;

type Loaded = Result<Option<Arc<str>>, Arc<sqlx::Error>>;
type Flight = BoxFuture<'static, Loaded>;

/// Limits of the cache.
#[derive(Debug, Clone)]
pub struct CacheConfig {
    /// Middle of the time that an answer is kept.
    pub ttl: Duration,
    /// How far from the middle it may end, in percent.
    pub jitter_percent: u32,
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
    redis: Option<ConnectionManager>,
    config: CacheConfig,
    requests: IntCounterVec,
    flights: Mutex<HashMap<String, WeakShared<Flight>>>,
    started: Instant,
    paused_until_ms: AtomicI64,
}

impl ReadThrough {
    /// A cache in this Redis; without one every request is loaded (and still in single flight).
    pub fn new(redis: Option<ConnectionManager>, requests: IntCounterVec, config: CacheConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                redis,
                config,
                requests,
                flights: Mutex::new(HashMap::new()),
                started: Instant::now(),
                paused_until_ms: AtomicI64::new(0),
            }),
        }
    }

    /// The text under `key`, or what `load` gives, kept for the next time. `None` is not kept.
    pub async fn get_or_load<F>(&self, key: String, load: F) -> Loaded
    where
        F: Future<Output = Loaded> + Send + 'static,
    {
        let flight = self.join(&key, load);
        let loaded = flight.await;
        self.inner.flights.lock().remove(&key);
        loaded
    }

    fn join<F>(&self, key: &str, load: F) -> Shared<Flight>
    where
        F: Future<Output = Loaded> + Send + 'static,
    {
        let mut flights = self.inner.flights.lock();
        if let Some(flight) = flights.get(key).and_then(WeakShared::upgrade) {
            return flight;
        }
        if flights.len() >= 1024 {
            flights.retain(|_, flight| flight.upgrade().is_some());
        }
        let inner = Arc::clone(&self.inner);
        let owned = key.to_owned();
        let flight = async move { inner.read_through(&owned, load).await }.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key.to_owned(), weak);
        }
        flight
    }
}

impl Inner {
    async fn read_through(&self, key: &str, load: impl Future<Output = Loaded>) -> Loaded {
        let outcome = self.read(key).await;
        let label = match &outcome {
            Ok(Some(_)) => "hit",
            Ok(None) => "miss",
            Err(()) => "error",
        };
        self.requests.with_label_values(&[label]).inc();
        if let Ok(Some(text)) = outcome {
            return Ok(Some(text));
        }
        let loaded = load.await?;
        if let (Some(text), Ok(None)) = (&loaded, outcome) {
            self.write(key, text).await;
        }
        Ok(loaded)
    }

    async fn read(&self, key: &str) -> Result<Option<Arc<str>>, ()> {
        let mut redis = self.connection().ok_or(())?;
        let answer =
            tokio::time::timeout(self.config.redis_timeout, redis.get::<_, Option<String>>(key)).await;
        match answer {
            Ok(Ok(text)) => Ok(text.map(Arc::from)),
            Ok(Err(cause)) => {
                self.pause(&cause);
                Err(())
            }
            Err(elapsed) => {
                self.pause(&elapsed);
                Err(())
            }
        }
    }

    async fn write(&self, key: &str, text: &str) {
        let Some(mut redis) = self.connection() else { return };
        let seconds = jittered(self.config.ttl, self.config.jitter_percent, rand::random());
        let write = redis.set_ex::<_, _, ()>(key, text, seconds.as_secs().max(1));
        match tokio::time::timeout(self.config.redis_timeout, write).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => self.pause(&cause),
            Err(elapsed) => self.pause(&elapsed),
        }
    }

    fn connection(&self) -> Option<ConnectionManager> {
        let paused = self.paused_until_ms.load(Ordering::Relaxed);
        (self.elapsed_ms() >= paused).then(|| self.redis.clone()).flatten()
    }

    fn pause(&self, cause: &(dyn std::error::Error + 'static)) {
        let until = self.elapsed_ms() + self.config.redis_pause.as_millis() as i64;
        self.paused_until_ms.store(until, Ordering::Relaxed);
        tracing::warn!(error = cause, "cache does not answer, asking the database");
    }

    fn elapsed_ms(&self) -> i64 {
        self.started.elapsed().as_millis() as i64
    }
}

/// `ttl` moved by up to `percent` either way; `dice` decides.
fn jittered(ttl: Duration, percent: u32, dice: u32) -> Duration {
    let spread = f64::from(percent) / 100.0 * (f64::from(dice) / f64::from(u32::MAX) * 2.0 - 1.0);
    ttl.mul_f64((1.0 + spread).max(0.0))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use prometheus::Opts;

    use super::*;

    fn cache() -> ReadThrough {
        let counter = IntCounterVec::new(Opts::new("requests", "test"), &["outcome"]).unwrap();
        ReadThrough::new(None, counter, CacheConfig::default())
    }

    #[test]
    fn expiry_moves_by_the_jitter_and_no_further() {
        let ttl = Duration::from_mins(1);
        assert_eq!(jittered(ttl, 20, 0), Duration::from_secs(48));
        assert_eq!(jittered(ttl, 20, u32::MAX), Duration::from_secs(72));
        assert_eq!(jittered(ttl, 0, 77), ttl);
    }

    #[tokio::test]
    async fn many_requests_for_one_key_load_it_once() {
        let cache = cache();
        let loads = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(tokio::sync::Notify::new());
        let ask = || {
            let (loads, gate) = (Arc::clone(&loads), Arc::clone(&gate));
            cache.get_or_load("key".to_owned(), async move {
                loads.fetch_add(1, Ordering::SeqCst);
                gate.notified().await;
                Ok(Some(Arc::from("answer")))
            })
        };
        let all = futures::future::join_all((0..8).map(|_| ask()));
        let (answers, ()) = tokio::join!(all, async {
            tokio::task::yield_now().await;
            gate.notify_one();
        });
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().as_deref() == Some("answer")));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_failed_load_is_not_remembered() {
        let cache = cache();
        let failed =
            cache.get_or_load("key".to_owned(), async { Err(Arc::new(sqlx::Error::PoolTimedOut)) }).await;
        assert!(failed.is_err());
        let second = cache.get_or_load("key".to_owned(), async { Ok(Some(Arc::from("x"))) }).await;
        assert_eq!(second.unwrap().as_deref(), Some("x"));
    }

    #[tokio::test]
    async fn an_abandoned_load_does_not_block_the_next_one() {
        let cache = cache();
        let abandoned = cache.get_or_load("key".to_owned(), std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(1), abandoned).await.is_err());
        let second = cache.get_or_load("key".to_owned(), async { Ok(Some(Arc::from("x"))) }).await;
        assert_eq!(second.unwrap().as_deref(), Some("x"));
    }
}
