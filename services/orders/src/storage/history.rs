//! Everything that happened to an order: one table, written in the transaction that made it happen.

use chrono::{DateTime, Utc};
use shop_contracts::OrderId;
use shop_contracts::orders::OrderHistoryEntry;
use shop_instrumentation::db;
use sqlx::PgConnection;
use uuid::Uuid;

use super::postgres::PgOrders;

/// The actor of what programs do by themselves.
pub const SYSTEM: &str = "system";
/// The actor of what shoppers do.
pub const SHOPPER: &str = "shopper";
/// Most entries that are shown of one order.
const MAX_ENTRIES: i64 = 500;

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Entry {
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: &'static str,
    pub detail: String,
}

/// Adds an entry, to each of these orders, in the caller's transaction.
pub async fn insert(tx: &mut PgConnection, orders: &[Uuid], entry: &Entry) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO order_history (order_id, at, actor, action, detail) \
         SELECT id, $2, $3, $4, $5 FROM unnest($1::uuid[]) AS id",
        orders,
        entry.at,
        entry.actor,
        entry.action,
        entry.detail
    )
    .execute(tx)
    .await
    .map(|_| ())
}

impl PgOrders {
    /// An order's entries, oldest first, at most 500.
    pub async fn history(&self, order: OrderId) -> Result<Vec<OrderHistoryEntry>, sqlx::Error> {
        let query = sqlx::query_as!(
            OrderHistoryEntry,
            "SELECT at, actor, action, detail FROM order_history WHERE order_id = $1 ORDER BY seq LIMIT $2",
            order.uuid(),
            MAX_ENTRIES
        );
        db::observe("SELECT order_history", query.fetch_all(self.pool())).await
    }
}
