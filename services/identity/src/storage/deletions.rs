//! Accounts that are gone and that orders has to forget, in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_instrumentation::db;
use sqlx::{PgPool, Row as _};

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
        let query = sqlx::query(
            "UPDATE account_deletions SET due_at = $2, attempts = attempts + 1 WHERE account_id IN \
             (SELECT account_id FROM account_deletions WHERE due_at <= $1 ORDER BY due_at LIMIT $3 \
              FOR UPDATE SKIP LOCKED) RETURNING account_id, passes, attempts",
        );
        let rows = query.bind(now).bind(lease_until).bind(limit).fetch_all(&self.pool);
        let rows = db::observe("UPDATE account_deletions", rows).await?;
        rows.iter()
            .map(|row| {
                Ok(Deletion {
                    account: AccountId::new(row.try_get("account_id")?),
                    passes: row.try_get("passes")?,
                    attempts: row.try_get("attempts")?,
                })
            })
            .collect()
    }

    /// Orders has done it; it is to be done once more at `again_at`.
    pub async fn passed(&self, account: AccountId, again_at: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let query = sqlx::query(
            "UPDATE account_deletions SET passes = passes + 1, attempts = 0, due_at = $2 WHERE account_id = $1",
        );
        let written = query.bind(account.uuid()).bind(again_at).execute(&self.pool);
        db::observe("UPDATE account_deletions", written).await.map(|_| ())
    }

    /// It did not work; nobody tries again before `due_at`.
    pub async fn postpone(&self, account: AccountId, due_at: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let query = sqlx::query("UPDATE account_deletions SET due_at = $2 WHERE account_id = $1");
        let written = query.bind(account.uuid()).bind(due_at).execute(&self.pool);
        db::observe("UPDATE account_deletions", written).await.map(|_| ())
    }

    /// Nothing is left to do.
    pub async fn finish(&self, account: AccountId) -> Result<(), sqlx::Error> {
        let query = sqlx::query("DELETE FROM account_deletions WHERE account_id = $1");
        db::observe("DELETE account_deletions", query.bind(account.uuid()).execute(&self.pool))
            .await
            .map(|_| ())
    }

    /// How many accounts are gone whose orders were not yet anonymised even once, and since when the oldest.
    pub async fn backlog(&self) -> Result<(i64, Option<DateTime<Utc>>), sqlx::Error> {
        let query = sqlx::query(
            "SELECT count(*) AS waiting, min(deleted_at) AS oldest FROM account_deletions WHERE passes = 0",
        );
        let row = db::observe("SELECT account_deletions", query.fetch_one(&self.pool)).await?;
        Ok((row.try_get("waiting")?, row.try_get("oldest")?))
    }
}
