//! Orders of a cart.

use shop_contracts::OrderId;
use shop_contracts::orders::{CartRef, KnownOrders};
use shop_instrumentation::db;
use sqlx::PgConnection;

use super::postgres::PgOrders;

/// Orders that a refused request is told of at most.
const MOST_TOLD: i64 = 20;

impl PgOrders {
    /// The newest versions of a cart that became orders which stand or may come to stand, newest first.
    pub async fn list_of_cart(&self, cart_id: &str, limit: i64) -> Result<Vec<OrderId>, sqlx::Error> {
        let query = sqlx::query_scalar!(
            "SELECT id FROM orders WHERE cart_id = $1 AND status NOT IN ('declined', 'rejected') \
             ORDER BY cart_version DESC LIMIT $2",
            cart_id,
            limit
        );
        let ids = db::observe("SELECT orders", query.fetch_all(self.pool())).await?;
        Ok(ids.into_iter().map(OrderId::new).collect())
    }
}

/// Until the end of the transaction no other one writes an order of these carts, or of carts that they became part of.
pub(super) async fn lock(
    tx: &mut PgConnection,
    of: &CartRef,
    known: &KnownOrders,
) -> Result<(), sqlx::Error> {
    let carts: Vec<String> = known.carts.iter().map(|cart| cart.id.clone()).chain([of.id.clone()]).collect();
    // In one order for everybody, or two of them would wait for each other.
    let query = sqlx::query!(
        "SELECT pg_advisory_xact_lock(lock) FROM (SELECT DISTINCT hashtextextended(id, 0) AS lock \
         FROM unnest($1::text[]) AS id ORDER BY lock) AS locks",
        &carts
    );
    query.execute(tx).await.map(|_| ())
}

/// Orders of the known carts that stand or may come to stand, and that a cart does not account for; newest first. Not
/// the order of the version itself: that is its own conflict.
pub(super) async fn unaccounted(
    tx: &mut PgConnection,
    of: &CartRef,
    known: &KnownOrders,
) -> Result<Vec<OrderId>, sqlx::Error> {
    let ids = |carts: &[CartRef]| carts.iter().map(|cart| cart.id.clone()).collect::<Vec<_>>();
    let versions = |carts: &[CartRef]| carts.iter().map(|cart| cart.version as i64).collect::<Vec<_>>();
    let found = sqlx::query_scalar!(
        "SELECT orders.id FROM unnest($1::text[], $2::bigint[]) AS known (cart, through) \
         JOIN orders ON cart_id = cart AND cart_version > through AND status NOT IN ('declined', 'rejected') \
         WHERE (cart_id, cart_version) <> ($3, $4) \
         AND (cart_id, cart_version) NOT IN (SELECT * FROM unnest($5::text[], $6::bigint[])) \
         ORDER BY placed_at DESC LIMIT $7",
        &ids(&known.carts),
        &versions(&known.carts),
        of.id,
        of.version as i64,
        &ids(&known.open),
        &versions(&known.open),
        MOST_TOLD
    )
    .fetch_all(tx)
    .await?;
    Ok(found.into_iter().map(OrderId::new).collect())
}
