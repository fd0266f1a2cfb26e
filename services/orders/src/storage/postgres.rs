//! Orders in Postgres.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use shop_contracts::orders::Order;
use shop_contracts::{AccountId, OrderId};
use shop_instrumentation::db;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row as _, postgres::PgRow};

use super::outbox::{self, Event};
use super::rows::{self, COLUMNS};
use crate::saga::step::Progress;

/// The migrations of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// An order as the saga sees it.
#[derive(Debug, Clone)]
pub struct Stored {
    pub order: Order,
    pub progress: Progress,
    pub payment_token: String,
    pub request_hash: Vec<u8>,
    pub attempts: i32,
    /// The trace that placed it; a resumed saga continues there.
    pub traceparent: Option<String>,
}

/// What a new order needs beside itself.
#[derive(Debug, Clone)]
pub struct Key {
    pub idempotency_key: String,
    pub request_hash: Vec<u8>,
}

/// The tables `orders` and `order_lines`.
#[derive(Clone)]
pub struct PgOrders {
    pool: PgPool,
}

impl PgOrders {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Writes a new order, its lines and the event that it was placed. `false` when the key is taken.
    pub async fn insert(
        &self,
        new: &Stored,
        key: &Key,
        event: &Event,
        lease_until: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        db::observe("INSERT orders", async {
            let mut tx = self.pool.begin().await?;
            if !insert_order(&mut tx, new, key, lease_until).await? {
                return Ok(false);
            }
            insert_lines(&mut tx, &new.order).await?;
            outbox::insert(&mut tx, event).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// The order that was placed under a key.
    pub async fn find_by_key(&self, key: &str) -> Result<Option<Stored>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM orders WHERE idempotency_key = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(key).fetch_optional(&self.pool);
        let row = db::observe("SELECT orders", row).await?;
        Ok(self.with_lines(row.into_iter().collect()).await?.pop())
    }

    /// One by its id.
    pub async fn find(&self, id: OrderId) -> Result<Option<Stored>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM orders WHERE id = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id.uuid()).fetch_optional(&self.pool);
        let row = db::observe("SELECT orders", row).await?;
        Ok(self.with_lines(row.into_iter().collect()).await?.pop())
    }

    /// An account's orders, newest first.
    pub async fn list(&self, account: AccountId, offset: i64, limit: i64) -> Result<Vec<Order>, sqlx::Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM orders WHERE account_id = $1 ORDER BY placed_at DESC, id DESC OFFSET $2 LIMIT $3"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(account.uuid()).bind(offset).bind(limit);
        let rows = db::observe("SELECT orders", query.fetch_all(&self.pool)).await?;
        Ok(self.with_lines(rows).await?.into_iter().map(|s| s.order).collect())
    }

    /// Takes orders that nobody works on, at most `limit`, until `lease_until`.
    pub async fn claim(
        &self,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Stored>, sqlx::Error> {
        let sql = format!(
            "UPDATE orders SET lease_until = $2, attempts = attempts + 1 WHERE id IN \
             (SELECT id FROM orders WHERE status = 'pending' AND lease_until <= $1 \
              ORDER BY lease_until LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING {COLUMNS}"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(now).bind(lease_until).bind(limit);
        let rows = db::observe("UPDATE orders", query.fetch_all(&self.pool)).await?;
        self.with_lines(rows).await
    }

    /// Writes the next step (forgetting the payment token once it was used), and the event when the saga ends. `false` when somebody else has moved it meanwhile.
    pub async fn advance(
        &self,
        id: OrderId,
        from: Progress,
        to: Progress,
        event: Option<&Event>,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        db::observe("UPDATE orders", async {
            let mut tx = self.pool.begin().await?;
            let moved = sqlx::query(
                "UPDATE orders SET step = $3, status = $4, reservation_id = $5, authorisation_id = $6, reason = $7, \
                 updated_at = $8, lease_until = $9, attempts = 0, \
                 payment_token = CASE WHEN $3 IN ('reserve', 'authorise') THEN payment_token ELSE '' END \
                 WHERE id = $1 AND step = $2",
            )
            .bind(id.uuid())
            .bind(from.step.as_str())
            .bind(to.step.as_str())
            .bind(to.status().as_str())
            .bind(to.reservation.map(|r| r.uuid()))
            .bind(to.authorisation.map(|a| a.uuid()))
            .bind(to.reason.map(|r| r.as_str()))
            .bind(now)
            .bind(lease_until)
            .execute(&mut *tx)
            .await?;
            if moved.rows_affected() == 0 {
                return Ok(false);
            }
            if let Some(event) = event {
                outbox::insert(&mut tx, event).await?;
            }
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Lets go of an order until `retry_at`, unless somebody else has moved it meanwhile.
    pub async fn postpone(
        &self,
        id: OrderId,
        at: Progress,
        retry_at: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query(
            "UPDATE orders SET lease_until = $2 WHERE id = $1 AND status = 'pending' AND step = $3",
        );
        let query = query.bind(id.uuid()).bind(retry_at).bind(at.step.as_str());
        db::observe("UPDATE orders", query.execute(&self.pool)).await.map(|_| ())
    }

    /// Orders whose saga has not ended.
    pub async fn in_progress(&self) -> Result<i64, sqlx::Error> {
        let query = sqlx::query_scalar("SELECT count(*) FROM orders WHERE status = 'pending'");
        db::observe("SELECT orders", query.fetch_one(&self.pool)).await
    }

    async fn with_lines(&self, rows: Vec<PgRow>) -> Result<Vec<Stored>, sqlx::Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<uuid::Uuid> = rows.iter().map(|r| r.try_get("id")).collect::<Result<_, _>>()?;
        let query = sqlx::query(
            "SELECT order_id, product_id, name, quantity, unit_price_minor FROM order_lines \
             WHERE order_id = ANY ($1) ORDER BY order_id, position",
        );
        let lines = db::observe("SELECT order_lines", query.bind(ids).fetch_all(&self.pool)).await?;
        let mut by_order: BTreeMap<uuid::Uuid, Vec<PgRow>> = BTreeMap::new();
        for line in lines {
            by_order.entry(line.try_get("order_id")?).or_default().push(line);
        }
        let stored = |row: &PgRow| {
            let lines = by_order.get(&row.try_get("id")?).map(Vec::as_slice).unwrap_or_default();
            Ok(Stored {
                order: rows::order(row, lines)?,
                progress: rows::progress(row)?,
                payment_token: row.try_get("payment_token")?,
                request_hash: row.try_get("request_hash")?,
                attempts: row.try_get("attempts")?,
                traceparent: row.try_get("traceparent")?,
            })
        };
        rows.iter().map(stored).collect()
    }
}

async fn insert_order(
    tx: &mut PgConnection,
    new: &Stored,
    key: &Key,
    lease_until: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let order = &new.order;
    let ship_to = serde_json::to_value(&order.ship_to).map_err(|e| sqlx::Error::Encode(e.into()))?;
    let inserted = sqlx::query(
        "INSERT INTO orders (id, number, idempotency_key, request_hash, account_id, email, ship_to, payment_token, \
         total_minor, currency, status, step, lease_until, traceparent, placed_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', $11, $12, $13, $14, $14) \
         ON CONFLICT (idempotency_key) DO NOTHING",
    )
    .bind(order.id.uuid())
    .bind(&order.number)
    .bind(&key.idempotency_key)
    .bind(&key.request_hash)
    .bind(order.account_id.map(|a| a.uuid()))
    .bind(&order.email)
    .bind(ship_to)
    .bind(&new.payment_token)
    .bind(order.total.amount_minor)
    .bind(order.total.currency.code())
    .bind(new.progress.step.as_str())
    .bind(lease_until)
    .bind(&new.traceparent)
    .bind(order.placed_at)
    .execute(tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

async fn insert_lines(tx: &mut PgConnection, order: &Order) -> Result<(), sqlx::Error> {
    for (position, line) in order.lines.iter().enumerate() {
        sqlx::query(
            "INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price_minor) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(order.id.uuid())
        .bind(position as i32)
        .bind(line.product_id.uuid())
        .bind(&line.name)
        .bind(line.quantity as i32)
        .bind(line.unit_price.amount_minor)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
