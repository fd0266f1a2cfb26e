//! Carts that accounts keep, in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::identity::{KeptCart, KeptLine};
use shop_instrumentation::db;
use sqlx::types::Json;
use sqlx::{PgPool, Row as _};

/// The table `account_carts`.
#[derive(Clone)]
pub struct PgCarts {
    pool: PgPool,
}

impl PgCarts {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The cart of an account, empty before the first; nothing when there is no such account.
    pub async fn find(&self, account: AccountId) -> Result<Option<KeptCart>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT c.cart_id, c.version, c.lines FROM accounts a \
             LEFT JOIN account_carts c ON c.account_id = a.id WHERE a.id = $1",
        );
        let row = query.bind(account.uuid()).fetch_optional(&self.pool);
        let Some(row) = db::observe("SELECT account_carts", row).await? else { return Ok(None) };
        let (id, version): (Option<String>, Option<i64>) = (row.try_get("cart_id")?, row.try_get("version")?);
        let lines: Option<Json<Vec<KeptLine>>> = row.try_get("lines")?;
        Ok(Some(KeptCart {
            id: id.unwrap_or_default(),
            version: version.unwrap_or_default().unsigned_abs(),
            lines: lines.map(|Json(lines)| lines).unwrap_or_default(),
        }))
    }

    /// Keeps a cart; one that was changed later, of the same id, stays. `false` when there is no such account.
    pub async fn keep(
        &self,
        account: AccountId,
        cart: &KeptCart,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let query = sqlx::query_scalar(
            "WITH owner AS (SELECT id FROM accounts WHERE id = $1), kept AS (\
               INSERT INTO account_carts (account_id, cart_id, version, lines, updated_at) \
               SELECT id, $2, $3, $4, $5 FROM owner \
               ON CONFLICT (account_id) DO UPDATE SET cart_id = excluded.cart_id, version = excluded.version, \
                 lines = excluded.lines, updated_at = excluded.updated_at \
               WHERE account_carts.cart_id <> excluded.cart_id OR account_carts.version <= excluded.version) \
             SELECT EXISTS (SELECT FROM owner)",
        );
        let query = query
            .bind(account.uuid())
            .bind(&cart.id)
            .bind(i64::try_from(cart.version).unwrap_or(i64::MAX))
            .bind(Json(&cart.lines))
            .bind(now)
            .fetch_one(&self.pool);
        db::observe("INSERT account_carts", query).await
    }
}
