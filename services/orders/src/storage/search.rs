//! Lists of orders.

use shop_contracts::AccountId;
use shop_contracts::orders::{Order, OrderStatus};
use shop_instrumentation::db;

use super::load;
use super::postgres::{PgOrders, Stored};
use super::rows::{OrderRow, order_rows};

/// What staff looks for; everything that is `None` does not narrow it down.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// `manual_review` also finds orders with a refund that waits for a person.
    pub status: Option<OrderStatus>,
    /// Whether the parcel has left.
    pub shipped: Option<bool>,
    /// How the number begins: capital letters, digits and dashes only.
    pub number_prefix: Option<String>,
    /// The address that it was placed with, in small letters.
    pub email: Option<String>,
}

impl PgOrders {
    /// An account's orders, newest first.
    pub async fn list(&self, account: AccountId, offset: i64, limit: i64) -> Result<Vec<Order>, sqlx::Error> {
        let query = order_rows!(
            "SELECT ",
            " FROM orders WHERE account_id = $1 ORDER BY placed_at DESC, id DESC OFFSET $2 LIMIT $3",
            account.uuid(),
            offset,
            limit
        );
        let rows = db::observe("SELECT orders", query.fetch_all(self.pool())).await?;
        self.orders(rows).await
    }

    /// Orders of everybody, newest first. What only few orders can match has a statement that begins with those few: a
    /// statement with a choice in it would be planned for all of them.
    pub async fn search(&self, search: &Search, offset: i64, limit: i64) -> Result<Vec<Order>, sqlx::Error> {
        let (status, number) = (search.status.map(OrderStatus::as_str), search.number_prefix.as_deref());
        let shipped = search.shipped;
        let rows = db::observe("SELECT orders", async {
            match (search.status, search.email.as_deref()) {
                (Some(OrderStatus::ManualReview), email) => {
                    let query = order_rows!(
                        "SELECT ",
                        " FROM orders WHERE id = ANY (ARRAY(SELECT id FROM orders WHERE status = 'manual_review' \
                          UNION ALL SELECT order_id FROM give_backs WHERE review IS NOT NULL)) \
                         AND ($1::text IS NULL OR number LIKE $1 || '%') \
                         AND ($2::text IS NULL OR (email <> '' AND lower(email) = $2)) \
                         AND ($5::bool IS NULL OR (shipped_at IS NOT NULL) = $5) \
                         ORDER BY placed_at DESC, id DESC OFFSET $3 LIMIT $4",
                        number,
                        email,
                        offset,
                        limit,
                        shipped
                    );
                    query.fetch_all(self.pool()).await
                }
                (_, Some(email)) => {
                    let query = order_rows!(
                        "SELECT ",
                        " FROM orders WHERE email <> '' AND lower(email) = $1 \
                         AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR number LIKE $3 || '%') \
                         AND ($6::bool IS NULL OR (shipped_at IS NOT NULL) = $6) \
                         ORDER BY placed_at DESC, id DESC OFFSET $4 LIMIT $5",
                        email,
                        status,
                        number,
                        offset,
                        limit,
                        shipped
                    );
                    query.fetch_all(self.pool()).await
                }
                (_, None) => {
                    let query = order_rows!(
                        "SELECT ",
                        " FROM orders WHERE ($1::text IS NULL OR status = $1) \
                         AND ($2::text IS NULL OR number LIKE $2 || '%') \
                         AND ($5::bool IS NULL OR (shipped_at IS NOT NULL) = $5) \
                         ORDER BY placed_at DESC, id DESC OFFSET $3 LIMIT $4",
                        status,
                        number,
                        offset,
                        limit,
                        shipped
                    );
                    query.fetch_all(self.pool()).await
                }
            }
        });
        self.orders(rows.await?).await
    }

    /// Paid orders whose parcel has not left, oldest first.
    pub async fn list_to_ship(&self, offset: i64, limit: i64) -> Result<Vec<Order>, sqlx::Error> {
        let query = order_rows!(
            "SELECT ",
            " FROM orders WHERE status = 'confirmed' AND shipped_at IS NULL \
             ORDER BY placed_at, id OFFSET $1 LIMIT $2",
            offset,
            limit
        );
        let rows = db::observe("SELECT orders", query.fetch_all(self.pool())).await?;
        self.orders(rows).await
    }

    /// Orders of which pieces are on their way back, the one that was announced first before the others.
    pub async fn list_with_announced_return(
        &self,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<Order>, sqlx::Error> {
        let query = order_rows!(
            "SELECT ",
            " FROM orders JOIN (SELECT order_id, min(created_at) AS announced_at FROM order_returns \
              WHERE status = 'requested' AND closed_at IS NULL GROUP BY order_id) a ON a.order_id = orders.id \
             ORDER BY announced_at, id OFFSET $1 LIMIT $2",
            offset,
            limit
        );
        let rows = db::observe("SELECT orders", query.fetch_all(self.pool())).await?;
        self.orders(rows).await
    }

    /// The order with this number.
    pub async fn find_by_number(&self, number: &str) -> Result<Option<Stored>, sqlx::Error> {
        let query = order_rows!("SELECT ", " FROM orders WHERE number = $1", number);
        db::observe("SELECT orders", async {
            let mut connection = self.pool().acquire().await?;
            let row = query.fetch_optional(&mut *connection).await?;
            Ok(load::whole(&mut connection, row.into_iter().collect()).await?.pop())
        })
        .await
    }

    async fn orders(&self, rows: Vec<OrderRow>) -> Result<Vec<Order>, sqlx::Error> {
        let mut connection = self.pool().acquire().await?;
        Ok(load::whole(&mut connection, rows).await?.into_iter().map(|s| s.order).collect())
    }
}
