//! The outbox relay: events to the Redis stream, in order, at least once.

use std::time::Duration;

use redis::aio::ConnectionManager;
use shop_contracts::events::ORDERS_STREAM;
use shop_instrumentation::{CancellationToken, kv};
use sqlx::PgPool;

use crate::storage::outbox::{self, Waiting};

const BATCH: i64 = 100;
const IDLE: Duration = Duration::from_millis(200);
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// The stream keeps about this many entries; consumers that lag further have lost their place anyway.
const MAX_STREAM_ENTRIES: usize = 100_000;

/// Why a round failed. What was not removed from the outbox is sent again.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("outbox: {0}")]
    Database(#[from] sqlx::Error),
    #[error("stream: {0}")]
    Stream(#[from] redis::RedisError),
}

/// Works until `shutdown`.
pub async fn run(db: PgPool, redis: ConnectionManager, shutdown: CancellationToken) {
    loop {
        let pause = match once(&db, &redis).await {
            Ok(sent) if sent == BATCH as usize => Duration::ZERO,
            Ok(_) => IDLE,
            Err(error) => {
                tracing::warn!(%error, "events wait in the outbox");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One batch; answers how many were sent. One relay at a time over all instances, so that order is kept.
pub async fn once(db: &PgPool, redis: &ConnectionManager) -> Result<usize, RelayError> {
    let mut tx = db.begin().await?;
    if !outbox::lock(&mut tx).await? {
        return Ok(0);
    }
    let waiting = outbox::oldest(&mut tx, BATCH).await?;
    let mut sent = Vec::with_capacity(waiting.len());
    let mut failure = None;
    for event in &waiting {
        match send(redis, event).await {
            Ok(()) => sent.push(event.seq),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    outbox::remove(&mut tx, &sent).await?;
    tx.commit().await?;
    failure.map_or(Ok(sent.len()), |error| Err(error.into()))
}

async fn send(redis: &ConnectionManager, event: &Waiting) -> Result<(), redis::RedisError> {
    let mut command = redis::cmd("XADD");
    command.arg(ORDERS_STREAM).arg("MAXLEN").arg("~").arg(MAX_STREAM_ENTRIES).arg("*");
    command.arg("id").arg(event.event_id.to_string());
    command.arg("type").arg(&event.kind);
    command.arg("payload").arg(&event.payload);
    if let Some(traceparent) = &event.traceparent {
        command.arg("traceparent").arg(traceparent);
    }
    let mut connection = redis.clone();
    kv::observe("XADD", async move { command.query_async::<String>(&mut connection).await }).await.map(|_| ())
}
