//! Counts in Redis, one key for each counter and window.
//!
//! A Redis that does not answer costs a log-in one short wait now and then: after several failures it is left alone for
//! a moment. A single slow answer counts against itself only.

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use shop_instrumentation::kv::{self, Connection, Pause, PauseConfig};

use super::{Counted, Counters, CountersAway, Verdict};

const TIMEOUT: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_secs(2);

/// `KEYS[1]` is the account's hash: a field an address, and `all` for their sum. `KEYS[2]` is the address's counter, if the
/// address is known. `ARGV` is their life in milliseconds, the field, and the bounds: for both together (0 for none), for
/// the account (0 for none), for the address. 1 when the try was counted. What is held up is what
/// [`Limits::let_through`] says.
///
/// [`Limits::let_through`]: super::Limits
static ADD: LazyLock<redis::Script> = LazyLock::new(|| {
    redis::Script::new(
        "local pair = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0')
         local all = tonumber(redis.call('HGET', KEYS[1], 'all') or '0')
         local most = tonumber(ARGV[3])
         if most > 0 and pair >= most then return 0 end
         local together = tonumber(ARGV[4])
         if together > 0 and (most == 0 or pair > 0) and all >= together then return 0 end
         if KEYS[2] and tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[5]) then return 0 end
         redis.call('HINCRBY', KEYS[1], ARGV[2], 1)
         redis.call('HINCRBY', KEYS[1], 'all', 1)
         if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
         if KEYS[2] and redis.call('INCR', KEYS[2]) == 1 then redis.call('PEXPIRE', KEYS[2], ARGV[1]) end
         return 1",
    )
});

/// The same keys; `ARGV` is the field and the verdict.
static SETTLE: LazyLock<redis::Script> = LazyLock::new(|| {
    redis::Script::new(
        "if ARGV[2] == 'anew' then return redis.call('DEL', KEYS[1]) end
         local back = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
         if ARGV[2] == 'unjudged' then back = math.min(back, 1) end
         if back > 0 then
           redis.call('HINCRBY', KEYS[1], ARGV[1], -back)
           redis.call('HINCRBY', KEYS[1], 'all', -back)
         end
         if KEYS[2] and tonumber(redis.call('GET', KEYS[2]) or '0') > 0 then redis.call('DECR', KEYS[2]) end
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
    async fn add(&self, window: i64, counted: &Counted) -> Result<bool, CountersAway> {
        let mut call = ADD.prepare_invoke();
        keys(&mut call, window, counted);
        let limits = &counted.limits;
        call.arg(self.life.as_millis() as u64).arg(&counted.from);
        call.arg(limits.max_per_pair.unwrap_or(0)).arg(limits.max_per_account.unwrap_or(0));
        call.arg(limits.max_per_address);
        let added: u32 =
            self.run("EVALSHA throttle", |mut c| async move { call.invoke_async(&mut c).await }).await?;
        Ok(added == 1)
    }

    async fn settle(&self, window: i64, counted: &Counted, verdict: Verdict) -> Result<(), CountersAway> {
        let mut call = SETTLE.prepare_invoke();
        keys(&mut call, window, counted);
        call.arg(&counted.from).arg(match verdict {
            Verdict::Right => "right",
            Verdict::Unjudged => "unjudged",
            Verdict::Anew => "anew",
        });
        let _: u32 =
            self.run("EVALSHA throttle", |mut c| async move { call.invoke_async(&mut c).await }).await?;
        Ok(())
    }
}

fn keys(call: &mut redis::ScriptInvocation<'_>, window: i64, counted: &Counted) {
    call.key(name(window, &counted.account));
    if let Some(address) = &counted.address {
        call.key(name(window, address));
    }
}

fn name(window: i64, key: &str) -> String {
    format!("identity:throttle:{window}:{key}")
}
