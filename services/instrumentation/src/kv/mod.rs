//! Redis: connections that come up by themselves and follow a Sentinel failover, with short timeouts, and a wrapper that
//! observes each command.
//!
//! Redis is never a reason to stop: [`connect`] succeeds while Redis is away, and each command then fails quickly.

mod connection;
mod pause;
mod sentinel;
mod sentinel_url;

use std::future::Future;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};

pub use self::connection::Connection;
pub use self::pause::{Pause, PauseConfig};
use self::sentinel::Followed;
use self::sentinel_url::SentinelUrl;

/// Limits of a Redis connection.
#[derive(Debug, Clone, Copy)]
pub struct KvConfig {
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for one command's answer.
    pub response_timeout: Duration,
}

impl Default for KvConfig {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_millis(500), response_timeout: Duration::from_millis(500) }
    }
}

/// A shared connection that reconnects by itself. Does not wait for Redis; must be called inside a runtime. `url` names a
/// server (`redis://`, `unix://`) or Sentinels (`redis+sentinel://host:port,host:port/master`), who know which one leads.
pub fn connect(url: &str) -> Result<Connection, redis::RedisError> {
    connect_with(url, KvConfig::default())
}

/// A connection of its own for commands that block for up to `longest_block` (XREADGROUP BLOCK).
pub fn connect_blocking(url: &str, longest_block: Duration) -> Result<Connection, redis::RedisError> {
    let config = KvConfig::default();
    connect_with(url, KvConfig { response_timeout: longest_block + Duration::from_secs(2), ..config })
}

/// A shared connection with other limits.
pub fn connect_with(url: &str, config: KvConfig) -> Result<Connection, redis::RedisError> {
    match SentinelUrl::parse(url)? {
        Some(url) => Ok(Connection::sentinel(Followed::new(url, config))),
        None => Ok(Connection::fixed(manager(redis::Client::open(url)?, config)?)),
    }
}

fn manager(client: redis::Client, config: KvConfig) -> Result<ConnectionManager, redis::RedisError> {
    let settings = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(config.connect_timeout))
        .set_response_timeout(Some(config.response_timeout))
        .set_number_of_retries(2)
        .set_min_delay(Duration::from_millis(50))
        .set_max_delay(Duration::from_millis(500));
    ConnectionManager::new_lazy_with_config(client, settings)
}

/// Runs one Redis operation in a client span and measures it. `operation` is a constant such as `"GET session"`.
pub async fn observe<T, F>(operation: &'static str, work: F) -> Result<T, redis::RedisError>
where
    F: Future<Output = Result<T, redis::RedisError>>,
{
    let span = tracing::info_span!(
        "redis",
        otel.name = operation,
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        db.system.name = "redis",
        db.operation.name = operation,
    );
    let work = async {
        crate::faults::slow_redis().await;
        work.await
    };
    let result = crate::operation::observe(&span, "redis", operation, work).await;
    if let Err(error) = &result {
        tracing::debug!(parent: &span, %error, "redis operation failed");
    }
    result
}
