//! Sessions in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::identity::SessionInfo;
use shop_instrumentation::db;
use sqlx::{PgPool, Row as _};

use super::accounts::account;

/// Sessions of one account at the same time; the oldest make room.
const MAX_PER_ACCOUNT: i64 = 50;

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_digest: Vec<u8>,
    pub account: AccountId,
    pub idempotency_key: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The table `sessions`.
#[derive(Clone)]
pub struct PgSessions {
    pool: PgPool,
}

impl PgSessions {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Keeps a new session.
    pub async fn open(&self, new: &NewSession) -> Result<(), sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            sqlx::query(
                "INSERT INTO sessions (token_digest, account_id, idempotency_key, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&new.token_digest)
            .bind(new.account.uuid())
            .bind(&new.idempotency_key)
            .bind(new.created_at)
            .bind(new.expires_at)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "DELETE FROM sessions WHERE token_digest IN (SELECT token_digest FROM sessions \
                 WHERE account_id = $1 ORDER BY created_at DESC, token_digest OFFSET $2)",
            )
            .bind(new.account.uuid())
            .bind(MAX_PER_ACCOUNT)
            .execute(&mut *tx)
            .await?;
            tx.commit().await
        };
        db::observe("INSERT sessions", work).await
    }

    /// The session of a token, unless it is over.
    pub async fn find(
        &self,
        token_digest: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<SessionInfo>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT a.id, a.email, a.display_name, a.created_at, s.expires_at \
             FROM sessions s JOIN accounts a ON a.id = s.account_id \
             WHERE s.token_digest = $1 AND s.expires_at > $2",
        );
        let row =
            db::observe("SELECT sessions", query.bind(token_digest).bind(now).fetch_optional(&self.pool));
        let info = |row| Ok(SessionInfo { account: account(&row)?, expires_at: row.try_get("expires_at")? });
        row.await?.map(info).transpose()
    }

    /// Ends the session of a token, under every token that it was given out under. Answers whose it was.
    pub async fn close(&self, token_digest: &[u8]) -> Result<Option<AccountId>, sqlx::Error> {
        let query = sqlx::query_scalar(
            "DELETE FROM sessions s USING sessions t WHERE t.token_digest = $1 \
             AND s.account_id = t.account_id AND s.idempotency_key = t.idempotency_key \
             RETURNING s.account_id",
        );
        let ended: Vec<_> =
            db::observe("DELETE sessions", query.bind(token_digest).fetch_all(&self.pool)).await?;
        Ok(ended.first().copied().map(AccountId::new))
    }

    /// Removes sessions that are over; answers how many.
    pub async fn expire(&self, now: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query(
            "DELETE FROM sessions WHERE token_digest IN (SELECT token_digest FROM sessions \
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        );
        let removed = db::observe("DELETE sessions", query.bind(now).bind(limit).execute(&self.pool)).await?;
        Ok(removed.rows_affected())
    }
}
