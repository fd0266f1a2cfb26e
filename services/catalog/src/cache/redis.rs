//! Entries in Redis. An entry counts only under the generation that it was written in; a new generation forgets all.

use std::time::{Duration, Instant};

use redis::AsyncCommands;
use shop_instrumentation::kv::{Connection, Pause, PauseConfig};
use shop_instrumentation::{faults, ids};

use super::entry::Entry;

/// The same for entries of all versions, so that a change forgets those of instances of the version before too.
const GENERATION: &str = "catalog:2:generation";

pub(super) struct Store {
    connection: Option<Connection>,
    timeout: Duration,
    pause: Pause,
}

/// What stood under a key.
pub(super) struct Read {
    pub entry: Option<Entry>,
    /// The present generation; what is loaded from now on is written under it.
    pub generation: String,
}

/// Redis did not answer.
pub(super) struct Away;

impl Store {
    pub fn new(connection: Option<Connection>, timeout: Duration, pause: Duration) -> Self {
        Self { connection, timeout, pause: Pause::new(PauseConfig::of(pause)) }
    }

    pub async fn read(&self, key: &str) -> Result<Read, Away> {
        let mut redis = self.connection().ok_or(Away)?;
        let keys = [GENERATION, key];
        let read = redis.mget::<_, (Option<String>, Option<String>)>(&keys);
        let (generation, raw) = self.within_timeout(read).await?;
        let generation = generation.unwrap_or_else(|| "0".to_owned());
        let entry = raw.and_then(|raw| Entry::decode(&raw, &generation));
        Ok(Read { entry, generation })
    }

    /// Whether Redis answers, and keeps anything.
    pub async fn has_entries(&self) -> bool {
        let Some(mut redis) = self.connection() else { return false };
        let work = async { redis::cmd("DBSIZE").query_async::<u64>(&mut redis).await };
        self.within_timeout(work).await.is_ok_and(|keys| keys > 0)
    }

    pub async fn write(&self, key: &str, entry: &Entry, generation: &str, keep: Duration) {
        let Some(mut redis) = self.connection() else { return };
        let seconds = keep.as_secs().max(1);
        let _ = self.within_timeout(redis.set_ex::<_, _, ()>(key, entry.encode(generation), seconds)).await;
    }

    /// Forgets every entry. A Redis that is away keeps them until they are no longer fresh.
    pub async fn forget(&self) {
        let Some(mut redis) = self.connection() else { return };
        let _ = self.within_timeout(redis.set::<_, _, ()>(GENERATION, ids::new_id().to_string())).await;
    }

    async fn within_timeout<T>(
        &self,
        work: impl Future<Output = Result<T, redis::RedisError>>,
    ) -> Result<T, Away> {
        let work = async {
            faults::slow_redis().await;
            work.await
        };
        let cause = match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(cause)) => cause.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        let paused = self.pause.failed(Instant::now());
        tracing::warn!(error = cause, paused, "cache does not answer, asking the database");
        Err(Away)
    }

    fn connection(&self) -> Option<Connection> {
        if self.pause.is_open(Instant::now()) { None } else { self.connection.clone() }
    }
}
