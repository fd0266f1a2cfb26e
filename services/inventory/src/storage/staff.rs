//! What staff sees and corrects.

use chrono::{DateTime, Utc};
use shop_contracts::ProductId;
use shop_contracts::inventory::{NewAdjustment, StockItem};
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool, Row as _, postgres::PgRow};

use super::ledger::{self, Movement};

/// Which products a staff list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockFilter {
    /// All of them.
    All,
    /// These.
    Ids(Vec<ProductId>),
    /// Those whose id begins so (hexadecimal digits and dashes only).
    Prefix(String),
}

/// What came of a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adjusted {
    /// Done now, or earlier under the same key.
    Yes(StockItem),
    /// The level would have gone below zero or beyond its limit; the present item.
    OutOfRange(StockItem),
    /// The key belongs to another correction of this product.
    KeyReused,
    /// Inventory does not know the product.
    UnknownProduct,
}

const ITEM: &str = "SELECT s.product_id, s.available::bigint AS available, s.target::bigint AS target, \
     coalesce(h.held, 0)::bigint AS held FROM stock s LEFT JOIN \
     (SELECT l.product_id, sum(l.quantity) AS held FROM reservations r \
      JOIN reservation_lines l ON l.reservation_id = r.id WHERE r.state = 'held' GROUP BY l.product_id) h \
     ON h.product_id = s.product_id WHERE ";

/// Items, scarcest first, `limit` from `offset` on.
pub async fn list(
    pool: &PgPool,
    filter: &StockFilter,
    limit: i64,
    offset: i64,
) -> Result<Vec<StockItem>, sqlx::Error> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(ITEM);
    match filter {
        StockFilter::All => query.push("true"),
        StockFilter::Ids(ids) => {
            let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.uuid()).collect();
            query.push("s.product_id = ANY (").push_bind(ids).push(")")
        }
        StockFilter::Prefix(prefix) => {
            query.push("starts_with(s.product_id::text, ").push_bind(prefix.clone()).push(")")
        }
    };
    query.push(" ORDER BY s.available, s.product_id LIMIT ").push_bind(limit);
    query.push(" OFFSET ").push_bind(offset);
    let rows = db::observe("SELECT stock", query.build().fetch_all(pool)).await?;
    rows.iter().map(item).collect()
}

/// Corrects a level once for each key.
pub async fn adjust(
    pool: &PgPool,
    product: ProductId,
    key: &str,
    new: &NewAdjustment,
    now: DateTime<Utc>,
) -> Result<Adjusted, sqlx::Error> {
    db::observe("UPDATE stock", async {
        let mut tx = pool.begin().await?;
        // The row's lock makes two requests with one key queue; the second finds the first's movement.
        let lock = sqlx::query("SELECT product_id FROM stock WHERE product_id = $1 FOR UPDATE");
        if lock.bind(product.uuid()).fetch_optional(&mut *tx).await?.is_none() {
            return Ok(Adjusted::UnknownProduct);
        }
        if let Some(same) = booked_earlier(&mut tx, product, key, new).await? {
            return if same {
                Ok(Adjusted::Yes(find(&mut tx, product).await?))
            } else {
                Ok(Adjusted::KeyReused)
            };
        }
        let movement = Movement {
            actor: &new.actor,
            note: &new.note,
            idempotency_key: Some(key),
            ..Movement::by_system(product, new.delta, &new.reason, now)
        };
        if !ledger::book(&mut tx, &movement).await? {
            return Ok(Adjusted::OutOfRange(find(&mut tx, product).await?));
        }
        let item = find(&mut tx, product).await?;
        tx.commit().await?;
        Ok(Adjusted::Yes(item))
    })
    .await
}

/// Whether the key was used for this very correction; nothing when it is new.
async fn booked_earlier(
    tx: &mut PgConnection,
    product: ProductId,
    key: &str,
    new: &NewAdjustment,
) -> Result<Option<bool>, sqlx::Error> {
    let query = sqlx::query_scalar(
        "SELECT delta = $3 AND reason = $4 AND actor = $5 AND note = $6 FROM stock_movements \
         WHERE product_id = $1 AND idempotency_key = $2",
    );
    let query = query.bind(product.uuid()).bind(key).bind(new.delta).bind(&new.reason);
    query.bind(&new.actor).bind(&new.note).fetch_optional(tx).await
}

async fn find(tx: &mut PgConnection, product: ProductId) -> Result<StockItem, sqlx::Error> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(ITEM);
    query.push("s.product_id = ").push_bind(product.uuid());
    item(&query.build().fetch_one(tx).await?)
}

fn item(row: &PgRow) -> Result<StockItem, sqlx::Error> {
    Ok(StockItem {
        product_id: ProductId::new(row.try_get("product_id")?),
        available: row.try_get("available")?,
        held: row.try_get("held")?,
        target: row.try_get("target")?,
    })
}
