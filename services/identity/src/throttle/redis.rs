//! Counts in Redis, one key for each counter and window.
//!
//! A Redis that does not answer costs a log-in one short wait now and then: after several failures it is left alone for
//! a moment. A single slow answer counts against itself only.

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use shop_instrumentation::kv::{self, Connection, Pause, PauseConfig};

use super::{Counter, Counters, CountersAway};

const TIMEOUT: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_secs(2);

/// `KEYS` counters; `ARGV[1]` their life in milliseconds, then the bound of each. 1 when all were counted.
static ADD: LazyLock<redis::Script> = LazyLock::new(|| {
    redis::Script::new(
        "for i, key in ipairs(KEYS) do
           if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[i + 1]) then return 0 end
         end
         for _, key in ipairs(KEYS) do
           if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[1]) end
         end
         return 1",
    )
});

/// Takes one off each of `KEYS` that has one.
static TAKE_BACK: LazyLock<redis::Script> = LazyLock::new(|| {
    redis::Script::new(
        "for _, key in ipairs(KEYS) do
           if tonumber(redis.call('GET', key) or '0') > 0 then redis.call('DECR', key) end
         end
         return 0",
    )
});

/// Counts shared by all instances. Clones share the connection.
#[derive(Clone)]
pub struct RedisCounters {
    redis: Connection,
    life: Duration,
    pause: Arc<Pause>,
}

impl RedisCounters {
    /// Counters of windows of this length; they are forgotten a window later.
    pub fn new(redis: Connection, window: Duration) -> Self {
        Self { redis, life: window * 2, pause: Arc::new(Pause::new(PauseConfig::of(PAUSE))) }
    }

    async fn run<T, Fut>(
        &self,
        operation: &'static str,
        work: impl FnOnce(Connection) -> Fut,
    ) -> Result<T, CountersAway>
    where
        Fut: Future<Output = Result<T, redis::RedisError>>,
    {
        if self.pause.is_open(Instant::now()) {
            return Err(CountersAway("left alone after failures".to_owned()));
        }
        let work = kv::observe(operation, work(self.redis.clone()));
        let cause = match tokio::time::timeout(TIMEOUT, work).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(cause)) => cause.to_string(),
            Err(cause) => cause.to_string(),
        };
        self.pause.failed(Instant::now());
        tracing::warn!(error = cause, "redis does not answer, log-ins are counted in this instance");
        Err(CountersAway(cause))
    }
}

#[async_trait]
impl Counters for RedisCounters {
    async fn add(&self, window: i64, counters: &[Counter]) -> Result<bool, CountersAway> {
        let mut call = ADD.prepare_invoke();
        call.arg(self.life.as_millis() as u64);
        for counter in counters {
            call.key(name(window, &counter.key)).arg(counter.max);
        }
        let added: u32 =
            self.run("EVALSHA throttle", |mut c| async move { call.invoke_async(&mut c).await }).await?;
        Ok(added == 1)
    }

    async fn clear(&self, window: i64, key: &str) -> Result<(), CountersAway> {
        let mut command = redis::cmd("DEL");
        command.arg(name(window, key));
        self.run("DEL throttle", |mut c| async move { command.query_async(&mut c).await }).await
    }

    async fn take_back(&self, window: i64, keys: &[&str]) -> Result<(), CountersAway> {
        let mut call = TAKE_BACK.prepare_invoke();
        for key in keys {
            call.key(name(window, key));
        }
        let _: u32 =
            self.run("EVALSHA throttle", |mut c| async move { call.invoke_async(&mut c).await }).await?;
        Ok(())
    }
}

fn name(window: i64, key: &str) -> String {
    format!("identity:throttle:{window}:{key}")
}
