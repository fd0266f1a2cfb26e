//! Orders of a cart.

use shop_contracts::OrderId;
use shop_instrumentation::db;

use super::postgres::PgOrders;

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
