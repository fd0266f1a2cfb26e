//! Sessions in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::identity::{Account, SessionInfo, SessionSummary};
use shop_instrumentation::db;
use sqlx::PgPool;
use uuid::Uuid;

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
            let query = sqlx::query!(
                "INSERT INTO sessions \
                 (token_digest, account_id, idempotency_key, public_id, user_agent, created_at, expires_at) \
                 SELECT $1, id, $3, $4, $5, $6, $7 FROM accounts WHERE id = $2 AND password_hash = $8 FOR SHARE",
                new.token_digest,
                new.account.uuid(),
                new.idempotency_key,
                new.public_id,
                new.user_agent,
                new.created_at,
                new.expires_at,
                new.password_hash
            );
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let query = sqlx::query!(
                "DELETE FROM sessions WHERE token_digest IN (SELECT token_digest FROM sessions \
                 WHERE account_id = $1 ORDER BY created_at DESC, token_digest OFFSET $2)",
                new.account.uuid(),
                MAX_PER_ACCOUNT
            );
            query.execute(&mut *tx).await?;
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
        let query = sqlx::query!(
            r#"SELECT a.id, a.email, a.display_name, a.created_at, s.expires_at,
               coalesce(s.last_seen_at, s.created_at) AS "last_seen_at!"
               FROM sessions s JOIN accounts a ON a.id = s.account_id
               WHERE s.token_digest = $1 AND s.expires_at > $2"#,
            token_digest,
            now
        );
        let row = db::observe("SELECT sessions", query.fetch_optional(&self.pool)).await?;
        Ok(row.map(|row| {
            let account = Account {
                id: AccountId::new(row.id),
                email: row.email,
                display_name: row.display_name,
                created_at: row.created_at,
            };
            (SessionInfo { account, expires_at: row.expires_at }, row.last_seen_at)
        }))
    }

    /// Notes that a session was seen, unless that was noted after `unless_since` already: of many who see it at once,
    /// one writes.
    pub async fn seen(
        &self,
        token_digest: &[u8],
        now: DateTime<Utc>,
        unless_since: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE sessions SET last_seen_at = $2 \
             WHERE token_digest = $1 AND coalesce(last_seen_at, created_at) <= $3",
            token_digest,
            now,
            unless_since
        );
        db::observe("UPDATE sessions", query.execute(&self.pool)).await.map(|_| ())
    }

    /// An account's sessions, newest first, each once however many tokens it was given out under. `current` is the
    /// digest of the token that asks.
    pub async fn list(
        &self,
        owner: AccountId,
        current: Option<&[u8]>,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionSummary>, sqlx::Error> {
        let query = sqlx::query_as!(
            SessionSummary,
            r#"SELECT (array_agg(public_id ORDER BY created_at, token_digest))[1] AS "id!",
               min(created_at) AS "created_at!", max(coalesce(last_seen_at, created_at)) AS "last_seen_at!",
               max(user_agent) AS "user_agent!", coalesce(bool_or(token_digest = $2), false) AS "current!"
               FROM sessions WHERE account_id = $1 AND expires_at > $3
               GROUP BY idempotency_key ORDER BY "created_at!" DESC, "id!" LIMIT $4"#,
            owner.uuid(),
            current,
            now,
            MAX_PER_ACCOUNT
        );
        db::observe("SELECT sessions", query.fetch_all(&self.pool)).await
    }

    /// Ends the session with a public id, under every token that it was given out under; `false` when there is none.
    pub async fn revoke(&self, owner: AccountId, public_id: Uuid) -> Result<bool, sqlx::Error> {
        let query = sqlx::query!(
            "DELETE FROM sessions s USING sessions t WHERE t.account_id = $1 AND t.public_id = $2 \
             AND s.account_id = t.account_id AND s.idempotency_key = t.idempotency_key",
            owner.uuid(),
            public_id
        );
        Ok(db::observe("DELETE sessions", query.execute(&self.pool)).await?.rows_affected() > 0)
    }

    /// Ends the session of a token, under every token that it was given out under. Answers whose it was.
    pub async fn close(&self, token_digest: &[u8]) -> Result<Option<AccountId>, sqlx::Error> {
        let query = sqlx::query_scalar!(
            "DELETE FROM sessions s USING sessions t WHERE t.token_digest = $1 \
             AND s.account_id = t.account_id AND s.idempotency_key = t.idempotency_key \
             RETURNING s.account_id",
            token_digest
        );
        let ended = db::observe("DELETE sessions", query.fetch_all(&self.pool)).await?;
        Ok(ended.first().copied().map(AccountId::new))
    }

    /// Removes sessions that are over; answers how many.
    pub async fn expire(&self, now: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query!(
            "DELETE FROM sessions WHERE token_digest IN (SELECT token_digest FROM sessions \
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
            now,
            limit
        );
        let removed = db::observe("DELETE sessions", query.execute(&self.pool)).await?;
        Ok(removed.rows_affected())
    }
}
