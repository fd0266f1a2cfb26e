//! The checkout's rows in Postgres: found, claimed, moved on.

use chrono::{DateTime, Utc};
use shop_contracts::OrderId;
use shop_contracts::orders::{CartRef, Order};
use shop_instrumentation::db;
use sqlx::PgPool;

use super::history::{self, Entry};
use super::load;
use super::outbox::{self, Event};
use super::rows::{StoredReturn, order_rows};
use crate::aftersale::give_back::GiveBack;
use crate::saga::step::Progress;
use crate::vouchers::AddressDigests;

/// The migrations of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// An order as the sagas see it.
#[derive(Debug, Clone)]
pub struct Stored {
    pub order: Order,
    pub progress: Progress,
    pub payment_token: String,
    pub request_hash: Vec<u8>,
    pub attempts: i32,
    /// Whoever holds this number may write; a new owner raises it.
    pub fence: i64,
    /// When the present step was written.
    pub since: DateTime<Utc>,
    /// The trace that placed it; a resumed saga continues there.
    pub traceparent: Option<String>,
    pub give_backs: Vec<GiveBack>,
    pub returns: Vec<StoredReturn>,
}

/// The tables of orders.
#[derive(Clone)]
pub struct PgOrders {
    pool: PgPool,
    digests: AddressDigests,
}

impl PgOrders {
    pub fn new(pool: PgPool, digests: AddressDigests) -> Self {
        Self { pool, digests }
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// What is kept of addresses for vouchers.
    pub fn digests(&self) -> &AddressDigests {
        &self.digests
    }

    /// The order that was placed under a key.
    pub async fn find_by_key(&self, key: &str) -> Result<Option<Stored>, sqlx::Error> {
        let query = order_rows!("SELECT ", " FROM orders WHERE idempotency_key = $1", key);
        db::observe("SELECT orders", async {
            let mut connection = self.pool.acquire().await?;
            let row = query.fetch_optional(&mut *connection).await?;
            Ok(load::whole(&mut connection, row.into_iter().collect()).await?.pop())
        })
        .await
    }

    /// The order that consumed a version of a cart.
    pub async fn find_by_cart(&self, cart: &CartRef) -> Result<Option<Stored>, sqlx::Error> {
        let query = order_rows!(
            "SELECT ",
            " FROM orders WHERE cart_id = $1 AND cart_version = $2 AND status NOT IN ('declined', 'rejected')",
            cart.id,
            cart.version as i64
        );
        db::observe("SELECT orders", async {
            let mut connection = self.pool.acquire().await?;
            let row = query.fetch_optional(&mut *connection).await?;
            Ok(load::whole(&mut connection, row.into_iter().collect()).await?.pop())
        })
        .await
    }

    /// One by its id.
    pub async fn find(&self, id: OrderId) -> Result<Option<Stored>, sqlx::Error> {
        let query = order_rows!("SELECT ", " FROM orders WHERE id = $1", id.uuid());
        db::observe("SELECT orders", async {
            let mut connection = self.pool.acquire().await?;
            let row = query.fetch_optional(&mut *connection).await?;
            Ok(load::whole(&mut connection, row.into_iter().collect()).await?.pop())
        })
        .await
    }

    /// Takes orders that nobody works on, at most `limit`, until `lease_until`.
    pub async fn claim(
        &self,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Stored>, sqlx::Error> {
        let query = order_rows!(
            "UPDATE orders SET lease_until = $2, attempts = attempts + 1, fence = fence + 1 WHERE id IN \
             (SELECT id FROM orders WHERE status = 'pending' AND lease_until <= $1 \
              ORDER BY lease_until LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING ",
            "",
            now,
            lease_until,
            limit
        );
        db::observe("UPDATE orders", async {
            let mut connection = self.pool.acquire().await?;
            let rows = query.fetch_all(&mut *connection).await?;
            load::whole(&mut connection, rows).await
        })
        .await
    }

    /// Writes the step that follows (forgetting the payment token once it was used), and what the world must know of
    /// it. `false` when the order has another owner, or another step, by now.
    #[expect(clippy::too_many_arguments, reason = "one row, one statement")]
    pub async fn advance(
        &self,
        id: OrderId,
        (from, to): (Progress, Progress),
        fence: i64,
        event: Option<&Event>,
        entry: Option<&Entry>,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        db::observe("UPDATE orders", async {
            let mut tx = self.pool.begin().await?;
            let moved = sqlx::query!(
                "UPDATE orders SET step = $3, status = $4, reservation_id = $5, authorisation_id = $6, reason = $7, \
                 updated_at = $8, lease_until = $9, review = $11, attempts = 0, \
                 payment_token = CASE WHEN $3 IN ('reserve', 'authorise') THEN payment_token ELSE '' END \
                 WHERE id = $1 AND step = $2 AND status = 'pending' AND fence = $10",
                id.uuid(),
                from.step.as_str(),
                to.step.as_str(),
                to.status().as_str(),
                to.reservation.map(|r| r.uuid()),
                to.authorisation.map(|a| a.uuid()),
                to.reason.map(|r| r.as_str()),
                now,
                lease_until,
                fence,
                to.review.map(|r| r.as_str())
            )
            .execute(&mut *tx)
            .await?;
            if moved.rows_affected() == 0 {
                return Ok(false);
            }
            if let Some(event) = event {
                outbox::insert(&mut tx, event).await?;
            }
            if let Some(entry) = entry {
                history::insert(&mut tx, &[id.uuid()], entry).await?;
            }
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Lets go of an order until `retry_at`, unless it has another owner by now.
    pub async fn postpone(
        &self,
        id: OrderId,
        at: Progress,
        fence: i64,
        retry_at: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE orders SET lease_until = $2 WHERE id = $1 AND status = 'pending' AND step = $3 AND fence = $4",
            id.uuid(),
            retry_at,
            at.step.as_str(),
            fence
        );
        db::observe("UPDATE orders", query.execute(&self.pool)).await.map(|_| ())
    }

    /// Orders whose saga has not ended.
    pub async fn in_progress(&self) -> Result<i64, sqlx::Error> {
        let query = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM orders WHERE status = 'pending'"#);
        db::observe("SELECT orders", query.fetch_one(&self.pool)).await
    }

    /// Orders, and refunds of orders, that wait for a person.
    pub async fn in_review(&self) -> Result<i64, sqlx::Error> {
        let query = sqlx::query_scalar!(
            r#"SELECT (SELECT count(*) FROM orders WHERE status = 'manual_review')
               + (SELECT count(*) FROM give_backs WHERE review IS NOT NULL) AS "n!""#
        );
        db::observe("SELECT orders", query.fetch_one(&self.pool)).await
    }
}
