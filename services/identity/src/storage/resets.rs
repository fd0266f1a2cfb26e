//! Asked-for new passwords in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::Account;
use shop_instrumentation::db;
use sqlx::PgPool;

use super::accounts::end_access;
use super::outbox;
use crate::token::Token;

/// The table `password_resets`.
#[derive(Clone)]
pub struct PgResets {
    pool: PgPool,
}

impl PgResets {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Keeps the digest of a token and, if it is somebody's, hands the token to the mail; once for each key. A token of
    /// nobody is kept as well, with an event that names nobody, so that the same is written either way.
    pub async fn request(
        &self,
        key: Option<&str>,
        owner: Option<&Account>,
        token: Token,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            // Selected rather than named: an account that was deleted a moment ago makes it nobody's.
            let query = sqlx::query!(
                "INSERT INTO password_resets (token_digest, account_id, created_at, expires_at, idempotency_key) \
                 VALUES ($1, (SELECT id FROM accounts WHERE id = $2), $3, $4, $5) \
                 ON CONFLICT (idempotency_key) DO NOTHING",
                token.digest(),
                owner.map(|owner| owner.id.uuid()),
                now,
                expires_at,
                key
            );
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(());
            }
            let event = match owner {
                Some(owner) => outbox::reset_requested(owner, token, now),
                None => outbox::reset_for_nobody(now),
            };
            outbox::insert(&mut tx, &event).await?;
            tx.commit().await
        };
        db::observe("INSERT password_resets", work).await
    }

    /// Whose new password a token stands for, while it does.
    pub async fn find(
        &self,
        token_digest: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<AccountId>, sqlx::Error> {
        let query = sqlx::query_scalar!(
            r#"SELECT account_id AS "account_id!" FROM password_resets
               WHERE token_digest = $1 AND expires_at > $2 AND account_id IS NOT NULL"#,
            token_digest,
            now
        );
        Ok(db::observe("SELECT password_resets", query.fetch_optional(&self.pool)).await?.map(AccountId::new))
    }

    /// The password's hash of an account whose token was used a while ago, until the token's hour is over.
    pub async fn find_used(
        &self,
        token_digest: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<String>, sqlx::Error> {
        let query = sqlx::query_scalar!(
            "SELECT password_hash FROM used_resets JOIN accounts ON accounts.id = account_id \
             WHERE token_digest = $1 AND expires_at > $2",
            token_digest,
            now
        );
        db::observe("SELECT used_resets", query.fetch_optional(&self.pool)).await
    }

    /// Uses a token up: sets the password, ends every session and every other reset, and tells the owner. Nothing when
    /// the token is not valid (any more).
    pub async fn confirm(
        &self,
        token_digest: &[u8],
        new_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Account>, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            let query = sqlx::query_scalar!(
                r#"WITH used AS (DELETE FROM password_resets WHERE token_digest = $1 AND expires_at > $2
                   AND account_id IS NOT NULL RETURNING token_digest, account_id, expires_at)
                   INSERT INTO used_resets (token_digest, account_id, expires_at)
                   SELECT token_digest, account_id, expires_at FROM used RETURNING account_id"#,
                token_digest,
                now
            );
            let Some(id) = query.fetch_optional(&mut *tx).await? else { return Ok(None) };
            let query = sqlx::query_as!(
                Account,
                "UPDATE accounts SET password_hash = $2 WHERE id = $1 \
                 RETURNING id, email, display_name, created_at",
                id,
                new_hash
            );
            let owner = query.fetch_one(&mut *tx).await?;
            end_access(&mut tx, owner.id, None).await?;
            outbox::insert(&mut tx, &outbox::event(IdentityEventKind::PasswordChanged, &owner, now)).await?;
            tx.commit().await?;
            Ok(Some(owner))
        };
        db::observe("UPDATE accounts", work).await
    }

    /// Removes what is over; answers how many.
    pub async fn expire(&self, now: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query!(
            "DELETE FROM password_resets WHERE token_digest IN (SELECT token_digest FROM password_resets \
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
            now,
            limit
        );
        let removed = db::observe("DELETE password_resets", query.execute(&self.pool)).await?.rows_affected();
        let query = sqlx::query!(
            "DELETE FROM used_resets WHERE token_digest IN (SELECT token_digest FROM used_resets \
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
            now,
            limit
        );
        let used = db::observe("DELETE used_resets", query.execute(&self.pool)).await?.rows_affected();
        Ok(removed + used)
    }
}
