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

    /// Orders of everybody, newest first.
    pub async fn search(&self, search: &Search, offset: i64, limit: i64) -> Result<Vec<Order>, sqlx::Error> {
        let query = order_rows!(
            "SELECT ",
            " FROM orders o WHERE \
             ($1::text IS NULL OR status = $1 OR ($1 = 'manual_review' AND EXISTS \
              (SELECT FROM give_backs g WHERE g.order_id = o.id AND g.review IS NOT NULL))) \
             AND ($2::text IS NULL OR number LIKE $2 || '%') \
             AND ($3::text IS NULL OR (email <> '' AND lower(email) = $3)) \
             ORDER BY placed_at DESC, id DESC OFFSET $4 LIMIT $5",
            search.status.map(OrderStatus::as_str),
            search.number_prefix,
            search.email,
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
