//! Address books in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::identity::Addresses;
use shop_instrumentation::db;
use sqlx::PgPool;
use sqlx::types::Json;

/// The table `address_books`.
#[derive(Clone)]
pub struct PgAddresses {
    pub(super) pool: PgPool,
}

impl PgAddresses {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The book of an account, empty before its first entry; nothing when there is no such account.
    pub async fn find(&self, account: AccountId) -> Result<Option<Addresses>, sqlx::Error> {
        let query = sqlx::query_scalar!(
            r#"SELECT b.addresses AS "addresses?: Json<Addresses>" FROM accounts a
               LEFT JOIN address_books b ON b.account_id = a.id WHERE a.id = $1"#,
            account.uuid()
        );
        let book = db::observe("SELECT address_books", query.fetch_optional(&self.pool)).await?;
        Ok(book.map(|book| book.map(|Json(addresses)| addresses).unwrap_or_default()))
    }

    /// Replaces the book. `false` when there is no such account.
    pub async fn replace(
        &self,
        account: AccountId,
        book: &Addresses,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let query = sqlx::query!(
            "INSERT INTO address_books (account_id, addresses, updated_at) \
             SELECT id, $2, $3 FROM accounts WHERE id = $1 \
             ON CONFLICT (account_id) DO UPDATE SET addresses = excluded.addresses, updated_at = excluded.updated_at",
            account.uuid(),
            Json(book) as _,
            now
        );
        Ok(db::observe("INSERT address_books", query.execute(&self.pool)).await?.rows_affected() > 0)
    }
}
