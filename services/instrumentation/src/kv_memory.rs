//! How full a Redis is: asked of Redis itself, told as metrics, so that an alert comes before the bound does.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::kv::Connection;
use crate::metrics::{IntGauge, MetricError, Metrics};

const ASK_EVERY: Duration = Duration::from_secs(5);

/// Which of the shop's two Redis a connection leads to; the label `store`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Event streams, throttles: refuses writes when it is full.
    Durable,
    /// Product caches: evicts when it is full.
    Cache,
}

/// The gauges of one Redis.
#[derive(Clone)]
pub struct RedisMemory {
    connection: Connection,
    up: IntGauge,
    used_bytes: IntGauge,
    limit_bytes: IntGauge,
}

/// What `INFO memory` says, in bytes. A limit of 0 means that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Memory {
    used: i64,
    limit: i64,
}

impl RedisMemory {
    /// Registers the gauges. A service observes one Redis.
    pub fn new(metrics: &Metrics, store: Store, connection: Connection) -> Result<Self, MetricError> {
        let label = match store {
            Store::Durable => "durable",
            Store::Cache => "cache",
        };
        let gauge = |name| Ok::<_, MetricError>(metrics.gauge_vec(name)?.with_label_values(&[label]));
        Ok(Self {
            connection,
            up: gauge("shop_redis_up")?,
            used_bytes: gauge("shop_redis_memory_used_bytes")?,
            limit_bytes: gauge("shop_redis_memory_limit_bytes")?,
        })
    }

    /// Asks again and again until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            self.ask().await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(ASK_EVERY) => {}
            }
        }
    }

    /// Asks once. A Redis that does not answer is down; what it used is then not known and stays as it was.
    pub async fn ask(&self) {
        let mut connection = self.connection.clone();
        let answer = redis::cmd("INFO").arg("memory").query_async::<String>(&mut connection).await;
        match answer.ok().as_deref().and_then(parse) {
            Some(memory) => {
                self.up.set(1);
                self.used_bytes.set(memory.used);
                self.limit_bytes.set(memory.limit);
            }
            None => self.up.set(0),
        }
    }
}

fn parse(info: &str) -> Option<Memory> {
    let number = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().parse().ok()
    };
    Some(Memory { used: number("used_memory")?, limit: number("maxmemory")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_figures_are_found_among_their_namesakes() {
        let info = "# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\nused_memory_rss:9\r\n\
                    maxmemory:100663296\r\nmaxmemory_human:96.00M\r\nmaxmemory_policy:noeviction\r\n";
        assert_eq!(parse(info), Some(Memory { used: 1_048_576, limit: 100_663_296 }));
        assert_eq!(parse("used_memory:1\r\n"), None, "a part is no answer");
        assert_eq!(parse("used_memory:much\r\nmaxmemory:0\r\n"), None);
    }
}
