//! Deliveries in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::OrderId;
use shop_instrumentation::db;
use sqlx::PgPool;
use uuid::Uuid;

use crate::event::MailKind;

/// The migrations of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// What came of asking to send the mail of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Send it; this is try number `attempt`, from 1.
    Granted { attempt: i32 },
    /// It was sent.
    Sent,
    /// Somebody else is at it.
    Busy,
}

/// The table `deliveries`.
#[derive(Clone)]
pub struct PgDeliveries {
    pool: PgPool,
}

impl PgDeliveries {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Takes the lease on an event, unless it was sent or another holds the lease.
    pub async fn claim(
        &self,
        event_id: Uuid,
        order: Option<OrderId>,
        kind: MailKind,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Claim, sqlx::Error> {
        let query = sqlx::query_scalar!(
            "INSERT INTO deliveries AS d (event_id, order_id, kind, attempts, lease_until, created_at) \
             VALUES ($1, $2, $3, 1, $5, $4) \
             ON CONFLICT (event_id) DO UPDATE SET attempts = d.attempts + 1, lease_until = excluded.lease_until \
             WHERE d.sent_at IS NULL AND d.lease_until <= $4 \
             RETURNING attempts",
            event_id,
            order.map(OrderId::uuid),
            kind.as_str(),
            now,
            lease_until
        );
        if let Some(attempt) = db::observe("INSERT deliveries", query.fetch_optional(&self.pool)).await? {
            return Ok(Claim::Granted { attempt });
        }
        let query = sqlx::query_scalar!(
            "SELECT sent_at IS NOT NULL AS \"sent!\" FROM deliveries WHERE event_id = $1",
            event_id
        );
        let sent = db::observe("SELECT deliveries", query.fetch_optional(&self.pool)).await?;
        Ok(if sent == Some(true) { Claim::Sent } else { Claim::Busy })
    }

    /// Remembers that the mail is out.
    pub async fn mark_sent(&self, event_id: Uuid, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let query = sqlx::query!("UPDATE deliveries SET sent_at = $2 WHERE event_id = $1", event_id, now);
        db::observe("UPDATE deliveries", query.execute(&self.pool)).await.map(|_| ())
    }

    /// Remembers that the mail is not sent, on purpose: the event is over.
    pub async fn mark_withheld(&self, event_id: Uuid, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE deliveries SET sent_at = $2, withheld = true WHERE event_id = $1 AND sent_at IS NULL",
            event_id,
            now
        );
        db::observe("UPDATE deliveries", query.execute(&self.pool)).await.map(|_| ())
    }

    /// Holds on to the lease of a try. `false` when it is lost: the mail is out, or another try has begun.
    pub async fn extend(
        &self,
        event_id: Uuid,
        attempt: i32,
        lease_until: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE deliveries SET lease_until = $3 WHERE event_id = $1 AND attempts = $2 AND sent_at IS NULL",
            event_id,
            attempt,
            lease_until
        );
        Ok(db::observe("UPDATE deliveries", query.execute(&self.pool)).await?.rows_affected() > 0)
    }

    /// Gives the lease back after a try that failed, unless another try has begun.
    pub async fn release(&self, event_id: Uuid, attempt: i32, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        self.extend(event_id, attempt, now).await.map(|_| ())
    }

    /// Forgets deliveries from before `before`; answers how many.
    pub async fn forget(&self, before: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query!(
            "DELETE FROM deliveries WHERE event_id IN (SELECT event_id FROM deliveries \
             WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
            before,
            limit
        );
        Ok(db::observe("DELETE deliveries", query.execute(&self.pool)).await?.rows_affected())
    }
}
