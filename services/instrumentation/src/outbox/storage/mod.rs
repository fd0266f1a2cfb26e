//! The table `outbox` as the relay reads it.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool, Row as _};
use uuid::Uuid;

use crate::db;

/// "outbox" in ASCII: a number that nothing else in a service's database locks.
const RELAY_LOCK: i64 = 0x6f75_7462_6f78;

/// An event that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub seq: i64,
    pub event_id: Uuid,
    pub kind: String,
    /// JSON.
    pub payload: String,
    pub traceparent: Option<String>,
}

/// A database session outside of the pool that holds the relay's lock for as long as it lives.
pub struct Session {
    connection: PgConnection,
}

impl Session {
    /// A session that holds the lock; `None` when another one does.
    pub async fn open(pool: &PgPool) -> Result<Option<Self>, sqlx::Error> {
        // Taken out of the pool before the lock, so that the lock never returns into it.
        let mut connection = pool.acquire().await?.detach();
        let query = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(RELAY_LOCK);
        let chosen: bool = db::observe("SELECT outbox lock", query.fetch_one(&mut connection)).await?;
        Ok(chosen.then_some(Self { connection }))
    }

    /// The oldest events, at most `limit`.
    pub async fn oldest(&mut self, limit: usize) -> Result<Vec<Waiting>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT seq, event_id, kind, payload::text AS payload, traceparent FROM outbox ORDER BY seq LIMIT $1",
        );
        let query = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = db::observe("SELECT outbox", query.fetch_all(&mut self.connection)).await?;
        rows.iter()
            .map(|row| {
                Ok(Waiting {
                    seq: row.try_get("seq")?,
                    event_id: row.try_get("event_id")?,
                    kind: row.try_get("kind")?,
                    payload: row.try_get("payload")?,
                    traceparent: row.try_get("traceparent")?,
                })
            })
            .collect()
    }

    /// Removes events that were sent.
    pub async fn remove(&mut self, seqs: &[i64]) -> Result<(), sqlx::Error> {
        let query = sqlx::query("DELETE FROM outbox WHERE seq = ANY ($1)").bind(seqs);
        db::observe("DELETE outbox", query.execute(&mut self.connection)).await.map(|_| ())
    }

    /// How many events wait.
    pub async fn waiting(&mut self) -> Result<i64, sqlx::Error> {
        let query = sqlx::query_scalar("SELECT count(*) FROM outbox");
        db::observe("SELECT outbox", query.fetch_one(&mut self.connection)).await
    }
}

/// How many events wait, and since when the oldest.
pub async fn backlog(pool: &PgPool) -> Result<(i64, Option<DateTime<Utc>>), sqlx::Error> {
    let query = sqlx::query("SELECT count(*) AS pending, min(created_at) AS oldest FROM outbox");
    let row = db::observe("SELECT outbox", query.fetch_one(pool)).await?;
    Ok((row.try_get("pending")?, row.try_get("oldest")?))
}
