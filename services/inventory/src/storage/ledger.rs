//! The movements of stock: booking, reading, compaction and the check that they add up to the levels.

use chrono::{DateTime, Utc};
use shop_contracts::inventory::LedgerEntry;
use shop_contracts::{OrderId, ProductId};
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool};

/// Movements of one product that one step of compaction folds at most.
const FOLDED_AT_ONCE: i64 = 10_000;
/// Products that one step of compaction works on at most.
const PRODUCTS_AT_ONCE: i64 = 50;
/// Advisory lock of compaction ("ledger" in ASCII): one instance at a time.
const COMPACTION_LOCK: i64 = 0x6c65_6467_6572;

/// One movement to book; its product is locked by the update in the same statement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Movement<'a> {
    pub product_id: ProductId,
    /// Pieces that come (positive) or go.
    pub delta: i64,
    pub reason: &'a str,
    pub actor: &'a str,
    pub note: &'a str,
    pub order_id: Option<OrderId>,
    pub idempotency_key: Option<&'a str>,
    pub at: DateTime<Utc>,
}

impl<'a> Movement<'a> {
    /// A movement by the system itself.
    pub fn by_system(product_id: ProductId, delta: i64, reason: &'a str, at: DateTime<Utc>) -> Self {
        Self {
            product_id,
            delta,
            reason,
            actor: "system",
            note: "",
            order_id: None,
            idempotency_key: None,
            at,
        }
    }
}

/// Moves the level and books it, in one statement. `false`, and nothing moved, when the level would leave 0 to 2^31-1
/// or the product is unknown.
pub(super) async fn book(tx: &mut PgConnection, movement: &Movement<'_>) -> Result<bool, sqlx::Error> {
    let query = sqlx::query!(
        "WITH moved AS (UPDATE stock SET available = available + $2::bigint, movements = movements + 1 \
         WHERE product_id = $1 AND available + $2::bigint BETWEEN 0 AND 2147483647 RETURNING product_id) \
         INSERT INTO stock_movements (product_id, at, delta, reason, actor, note, order_id, idempotency_key) \
         SELECT product_id, $3, $2, $4, $5, $6, $7, $8 FROM moved",
        movement.product_id.uuid(),
        movement.delta,
        movement.at,
        movement.reason,
        movement.actor,
        movement.note,
        movement.order_id.map(OrderId::uuid),
        movement.idempotency_key
    );
    Ok(query.execute(tx).await?.rows_affected() == 1)
}

/// The movements of a product, newest first, `limit` from `offset` on.
pub async fn list(
    pool: &PgPool,
    product: ProductId,
    limit: i64,
    offset: i64,
) -> Result<Vec<LedgerEntry>, sqlx::Error> {
    let query = sqlx::query!(
        "SELECT at, delta, reason, actor, note, order_id FROM stock_movements WHERE product_id = $1 \
         ORDER BY id DESC LIMIT $2 OFFSET $3",
        product.uuid(),
        limit,
        offset
    );
    let rows = db::observe("SELECT stock_movements", query.fetch_all(pool)).await?;
    let entries = rows.into_iter().map(|row| LedgerEntry {
        at: row.at,
        delta: row.delta,
        reason: row.reason,
        actor: row.actor,
        note: row.note,
        order_id: row.order_id.map(OrderId::new),
    });
    Ok(entries.collect())
}

/// Products whose level is not the sum of their movements; always empty.
pub async fn unbalanced(pool: &PgPool) -> Result<Vec<ProductId>, sqlx::Error> {
    let query = sqlx::query_scalar!(
        "SELECT s.product_id FROM stock s LEFT JOIN stock_movements m USING (product_id) \
         GROUP BY s.product_id, s.available HAVING s.available <> coalesce(sum(m.delta), 0) LIMIT 100"
    );
    let ids = db::observe("SELECT stock_movements", query.fetch_all(pool)).await?;
    Ok(ids.into_iter().map(ProductId::new).collect())
}

/// Folds movements before `before` into one `opening` row a product, a bounded step at a time. Answers how many rows
/// went; zero when nothing is left to fold or another instance folds just now.
pub async fn compact(pool: &PgPool, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    db::observe("DELETE stock_movements", async {
        let mut tx = pool.begin().await?;
        let lock =
            sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "locked!""#, COMPACTION_LOCK);
        if !lock.fetch_one(&mut *tx).await? {
            return Ok(0);
        }
        let due = sqlx::query_scalar!(
            "SELECT product_id FROM stock_movements WHERE at < $1 GROUP BY product_id HAVING count(*) > 1 \
             ORDER BY product_id LIMIT $2",
            before,
            PRODUCTS_AT_ONCE
        );
        let mut folded = 0;
        for product in due.fetch_all(&mut *tx).await? {
            folded += fold(&mut tx, product, before).await?;
        }
        tx.commit().await?;
        Ok(folded)
    })
    .await
}

/// The newest of the folded rows stays, as the opening; so the order of ids stays the order of time.
async fn fold(tx: &mut PgConnection, product: uuid::Uuid, before: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let totals = sqlx::query!(
        "SELECT max(id) AS \"last!\", sum(delta)::bigint AS \"delta!\", count(*) - 1 AS \"folded!\" FROM \
         (SELECT id, delta FROM stock_movements WHERE product_id = $1 AND at < $2 ORDER BY id LIMIT $3) AS old",
        product,
        before,
        FOLDED_AT_ONCE
    );
    let totals = totals.fetch_one(&mut *tx).await?;
    sqlx::query!(
        "DELETE FROM stock_movements WHERE product_id = $1 AND at < $2 AND id < $3",
        product,
        before,
        totals.last
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE stock_movements SET delta = $2, reason = 'opening', actor = 'system', note = '', order_id = NULL, \
         idempotency_key = NULL WHERE id = $1",
        totals.last,
        totals.delta
    )
    .execute(&mut *tx)
    .await?;
    Ok(totals.folded.unsigned_abs())
}
