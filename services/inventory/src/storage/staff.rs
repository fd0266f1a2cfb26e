//! What staff sees and corrects.

use chrono::{DateTime, Utc};
use shop_contracts::ProductId;
use shop_contracts::inventory::{NewAdjustment, StockItem};
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool};

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

struct ItemRow {
    product_id: uuid::Uuid,
    available: i64,
    held: i64,
    target: i64,
}

/// Items, scarcest first by the part that is left of what the supplier fills up to, `limit` from `offset` on.
pub async fn list(
    pool: &PgPool,
    filter: &StockFilter,
    limit: i64,
    offset: i64,
) -> Result<Vec<StockItem>, sqlx::Error> {
    let (ids, prefix) = match filter {
        StockFilter::All => (None, None),
        StockFilter::Ids(ids) => (Some(ids.iter().map(|id| id.uuid()).collect::<Vec<_>>()), None),
        StockFilter::Prefix(prefix) => (None, Some(prefix.as_str())),
    };
    let query = sqlx::query_as!(
        ItemRow,
        "SELECT s.product_id, s.available::bigint AS \"available!\", s.target::bigint AS \"target!\", \
         coalesce(h.held, 0)::bigint AS \"held!\" FROM stock s LEFT JOIN \
         (SELECT l.product_id, sum(l.quantity) AS held FROM reservations r \
          JOIN reservation_lines l ON l.reservation_id = r.id WHERE r.state = 'held' GROUP BY l.product_id) h \
         ON h.product_id = s.product_id \
         WHERE ($1::uuid[] IS NULL OR s.product_id = ANY ($1)) \
         AND ($2::text IS NULL OR starts_with(s.product_id::text, $2)) \
         ORDER BY s.available::float8 / s.target, s.product_id LIMIT $3 OFFSET $4",
        ids.as_deref(),
        prefix,
        limit,
        offset
    );
    let rows = db::observe("SELECT stock", query.fetch_all(pool)).await?;
    Ok(rows.into_iter().map(StockItem::from).collect())
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
        let lock = sqlx::query_scalar!(
            "SELECT product_id FROM stock WHERE product_id = $1 FOR UPDATE",
            product.uuid()
        );
        if lock.fetch_optional(&mut *tx).await?.is_none() {
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
    let query = sqlx::query_scalar!(
        "SELECT delta = $3 AND reason = $4 AND actor = $5 AND note = $6 AS \"same!\" FROM stock_movements \
         WHERE product_id = $1 AND idempotency_key = $2",
        product.uuid(),
        key,
        new.delta,
        new.reason,
        new.actor,
        new.note
    );
    query.fetch_optional(tx).await
}

async fn find(tx: &mut PgConnection, product: ProductId) -> Result<StockItem, sqlx::Error> {
    let query = sqlx::query_as!(
        ItemRow,
        "SELECT s.product_id, s.available::bigint AS \"available!\", s.target::bigint AS \"target!\", \
         coalesce((SELECT sum(l.quantity) FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id \
          WHERE r.state = 'held' AND l.product_id = s.product_id), 0) AS \"held!\" \
         FROM stock s WHERE s.product_id = $1",
        product.uuid()
    );
    query.fetch_one(tx).await.map(StockItem::from)
}

impl From<ItemRow> for StockItem {
    fn from(row: ItemRow) -> Self {
        let ItemRow { product_id, available, held, target } = row;
        Self { product_id: ProductId::new(product_id), available, held, target }
    }
}
