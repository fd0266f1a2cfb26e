//! Sessions in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::identity::{SessionInfo, SessionSummary};
use shop_instrumentation::db;
use sqlx::{PgPool, Row as _};
use uuid::Uuid;

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
    /// The hash that the password was found to belong to.
    pub password_hash: String,
    /// The browser as it named itself, shortened.
    pub user_agent: String,
    pub public_id: Uuid,
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

    /// Keeps a new session. `false` when the account is gone or has another password since it was checked; the row is
    /// locked while this is looked at, so that a password's change sees, and ends, every session opened under the old.
    pub async fn open(&self, new: &NewSession) -> Result<bool, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            let opened = sqlx::query(
                "INSERT INTO sessions \
                 (token_digest, account_id, idempotency_key, public_id, user_agent, created_at, expires_at) \
                 SELECT $1, id, $3, $4, $5, $6, $7 FROM accounts WHERE id = $2 AND password_hash = $8 FOR SHARE",
            )
            .bind(&new.token_digest)
            .bind(new.account.uuid())
            .bind(&new.idempotency_key)
            .bind(new.public_id)
            .bind(&new.user_agent)
            .bind(new.created_at)
            .bind(new.expires_at)
            .bind(&new.password_hash)
            .execute(&mut *tx)
            .await?;
            if opened.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(
                "DELETE FROM sessions WHERE token_digest IN (SELECT token_digest FROM sessions \
                 WHERE account_id = $1 ORDER BY created_at DESC, token_digest OFFSET $2)",
            )
            .bind(new.account.uuid())
            .bind(MAX_PER_ACCOUNT)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(true)
        };
        db::observe("INSERT sessions", work).await
    }

    /// The session of a token, unless it is over, and when it was last seen.
    pub async fn find(
        &self,
        token_digest: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<(SessionInfo, DateTime<Utc>)>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT a.id, a.email, a.display_name, a.created_at, s.expires_at, \
             coalesce(s.last_seen_at, s.created_at) AS last_seen_at \
             FROM sessions s JOIN accounts a ON a.id = s.account_id \
             WHERE s.token_digest = $1 AND s.expires_at > $2",
        );
        let row =
            db::observe("SELECT sessions", query.bind(token_digest).bind(now).fetch_optional(&self.pool));
        let Some(row) = row.await? else { return Ok(None) };
        let info = SessionInfo { account: account(&row)?, expires_at: row.try_get("expires_at")? };
        Ok(Some((info, row.try_get("last_seen_at")?)))
    }

    /// Notes that a session was seen, unless that was noted after `unless_since` already: of many who see it at once,
    /// one writes.
    pub async fn seen(
        &self,
        token_digest: &[u8],
        now: DateTime<Utc>,
        unless_since: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query(
            "UPDATE sessions SET last_seen_at = $2 \
             WHERE token_digest = $1 AND coalesce(last_seen_at, created_at) <= $3",
        );
        let written = query.bind(token_digest).bind(now).bind(unless_since).execute(&self.pool);
        db::observe("UPDATE sessions", written).await.map(|_| ())
    }

    /// An account's sessions, newest first, each once however many tokens it was given out under. `current` is the
    /// digest of the token that asks.
    pub async fn list(
        &self,
        owner: AccountId,
        current: Option<&[u8]>,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionSummary>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT (array_agg(public_id ORDER BY created_at, token_digest))[1] AS public_id, \
             min(created_at) AS opened_at, max(coalesce(last_seen_at, created_at)) AS last_seen_at, \
             max(user_agent) AS user_agent, coalesce(bool_or(token_digest = $2), false) AS current \
             FROM sessions WHERE account_id = $1 AND expires_at > $3 \
             GROUP BY idempotency_key ORDER BY opened_at DESC, public_id LIMIT $4",
        );
        let rows =
            query.bind(owner.uuid()).bind(current).bind(now).bind(MAX_PER_ACCOUNT).fetch_all(&self.pool);
        let rows = db::observe("SELECT sessions", rows).await?;
        rows.iter()
            .map(|row| {
                Ok(SessionSummary {
                    id: row.try_get("public_id")?,
                    created_at: row.try_get("opened_at")?,
                    last_seen_at: row.try_get("last_seen_at")?,
                    user_agent: row.try_get("user_agent")?,
                    current: row.try_get("current")?,
                })
            })
            .collect()
    }

    /// Ends the session with a public id, under every token that it was given out under; `false` when there is none.
    pub async fn revoke(&self, owner: AccountId, public_id: Uuid) -> Result<bool, sqlx::Error> {
        let query = sqlx::query(
            "DELETE FROM sessions s USING sessions t WHERE t.account_id = $1 AND t.public_id = $2 \
             AND s.account_id = t.account_id AND s.idempotency_key = t.idempotency_key",
        );
        let ended = query.bind(owner.uuid()).bind(public_id).execute(&self.pool);
        Ok(db::observe("DELETE sessions", ended).await?.rows_affected() > 0)
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
