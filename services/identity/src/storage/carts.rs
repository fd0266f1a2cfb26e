//! Carts that accounts keep, in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::identity::{KeptCart, KeptLine, MergedCart, OpenOrder};
use shop_instrumentation::db;
use sqlx::PgPool;
use sqlx::types::Json;

/// The table `account_carts`.
#[derive(Clone)]
pub struct PgCarts {
    pool: PgPool,
}

/// What became of a cart that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is the account's cart, or an older version of it.
    Written,
    /// The account's cart is of another revision than the one that was named.
    Changed,
    /// There is no such account.
    NoAccount,
}

impl PgCarts {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The cart of an account, empty before the first; nothing when there is no such account.
    pub async fn find(&self, account: AccountId) -> Result<Option<KeptCart>, sqlx::Error> {
        // All columns are null where the account keeps no cart yet.
        let query = sqlx::query!(
            r#"SELECT c.cart_id AS "id?", c.version AS "version?", c.lines AS "lines?: Json<Vec<KeptLine>>",
               c.attempt AS "attempt?", c.open_orders AS "open?: Json<Vec<OpenOrder>>",
               c.merged AS "merged?: Json<Vec<MergedCart>>", c.revision AS "revision?",
               c.ordered_version AS "ordered_version?"
               FROM accounts a LEFT JOIN account_carts c ON c.account_id = a.id WHERE a.id = $1"#,
            account.uuid()
        );
        let query = query.map(|row| KeptCart {
            id: row.id.unwrap_or_default(),
            version: row.version.unwrap_or_default().unsigned_abs(),
            lines: row.lines.map(|Json(lines)| lines).unwrap_or_default(),
            attempt: row.attempt.and_then(|attempt| attempt.try_into().ok()).unwrap_or_default(),
            ordered_version: row.ordered_version.unwrap_or_default().unsigned_abs(),
            open: row.open.map(|Json(open)| open).unwrap_or_default(),
            merged: row.merged.map(|Json(merged)| merged).unwrap_or_default(),
            revision: row.revision.unwrap_or_default().unsigned_abs(),
            if_revision: None,
        });
        db::observe("SELECT account_carts", query.fetch_optional(&self.pool)).await
    }

    /// Keeps a cart. Where it names a revision, the account's cart must be of that; else one that was changed later, of
    /// the same id, stays.
    pub async fn keep(
        &self,
        account: AccountId,
        cart: &KeptCart,
        now: DateTime<Utc>,
    ) -> Result<Kept, sqlx::Error> {
        let if_revision = cart.if_revision.map(|revision| i64::try_from(revision).unwrap_or(i64::MAX));
        let query = sqlx::query!(
            "WITH owner AS (SELECT id FROM accounts WHERE id = $1), kept AS (\
               INSERT INTO account_carts (account_id, cart_id, version, lines, updated_at, attempt, open_orders, merged, \
                ordered_version) \
               SELECT id, $2, $3, $4, $5, $6, $7, $8, $10 FROM owner WHERE $9::bigint IS NULL OR $9 = 0 \
                 OR EXISTS (SELECT FROM account_carts WHERE account_id = $1) \
               ON CONFLICT (account_id) DO UPDATE SET cart_id = excluded.cart_id, version = excluded.version, \
                 lines = excluded.lines, updated_at = excluded.updated_at, attempt = excluded.attempt, \
                 open_orders = excluded.open_orders, merged = excluded.merged, ordered_version = excluded.ordered_version \
               WHERE account_carts.revision = $9 OR ($9 IS NULL AND \
                 (account_carts.cart_id <> excluded.cart_id OR account_carts.version <= excluded.version)) \
               RETURNING account_id) \
             SELECT EXISTS (SELECT FROM owner) AS \"has_owner!\", EXISTS (SELECT FROM kept) AS \"is_written!\"",
            account.uuid(),
            cart.id,
            i64::try_from(cart.version).unwrap_or(i64::MAX),
            Json(&cart.lines) as _,
            now,
            i32::from(cart.attempt),
            Json(&cart.open) as _,
            Json(&cart.merged) as _,
            if_revision,
            i64::try_from(cart.ordered_version).unwrap_or(i64::MAX)
        );
        let kept = db::observe("INSERT account_carts", query.fetch_one(&self.pool)).await?;
        Ok(match (kept.has_owner, kept.is_written) {
            (false, _) => Kept::NoAccount,
            (true, false) if if_revision.is_some() => Kept::Changed,
            (true, _) => Kept::Written,
        })
    }
}
