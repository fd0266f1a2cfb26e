//! Accounts that are gone and that orders has to forget, in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_instrumentation::db;
use sqlx::PgPool;

/// A deletion that a worker has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    pub account: AccountId,
    /// Times that orders has done it.
    pub passes: i32,
    /// Tries of the present pass, this one included.
    pub attempts: i32,
}

/// The table `account_deletions`.
#[derive(Clone)]
pub struct PgDeletions {
    pool: PgPool,
}

impl PgDeletions {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Takes those that are due, until `lease_until`.
    pub async fn claim(
        &self,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Deletion>, sqlx::Error> {
        let query = sqlx::query_as!(
            Deletion,
            "UPDATE account_deletions SET due_at = $2, attempts = attempts + 1 WHERE account_id IN \
             (SELECT account_id FROM account_deletions WHERE due_at <= $1 ORDER BY due_at LIMIT $3 \
              FOR UPDATE SKIP LOCKED) RETURNING account_id AS account, passes, attempts",
            now,
            lease_until,
            limit
        );
        db::observe("UPDATE account_deletions", query.fetch_all(&self.pool)).await
    }

    /// Orders has done it; it is to be done once more at `again_at`.
    pub async fn passed(&self, account: AccountId, again_at: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE account_deletions SET passes = passes + 1, attempts = 0, due_at = $2 WHERE account_id = $1",
            account.uuid(),
            again_at
        );
        db::observe("UPDATE account_deletions", query.execute(&self.pool)).await.map(|_| ())
    }

    /// It did not work; nobody tries again before `due_at`.
    pub async fn postpone(&self, account: AccountId, due_at: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE account_deletions SET due_at = $2 WHERE account_id = $1",
            account.uuid(),
            due_at
        );
        db::observe("UPDATE account_deletions", query.execute(&self.pool)).await.map(|_| ())
    }

    /// Nothing is left to do.
    pub async fn finish(&self, account: AccountId) -> Result<(), sqlx::Error> {
        let query = sqlx::query!("DELETE FROM account_deletions WHERE account_id = $1", account.uuid());
        db::observe("DELETE account_deletions", query.execute(&self.pool)).await.map(|_| ())
    }

    /// Since when the oldest account is gone whose orders were not yet anonymised even once.
    pub async fn oldest_waiting(&self) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        let query = sqlx::query_scalar!("SELECT min(deleted_at) FROM account_deletions WHERE passes = 0");
        db::observe("SELECT account_deletions", query.fetch_one(&self.pool)).await
    }
}
