//! Accounts that were asked for and wait for their owner's word, in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::Account;
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool};

use super::accounts::Stored;
use super::outbox;

/// An account that waits, or waited until it was confirmed.
#[derive(Clone)]
pub struct Pending {
    /// What it is, or will be.
    pub stored: Stored,
    /// Whether it was confirmed already: asked again, the answer is the same.
    pub is_confirmed: bool,
}

/// The table `pending_registrations`.
#[derive(Clone)]
pub struct PgConfirmations {
    pool: PgPool,
}

impl PgConfirmations {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// What a mail's token stands for, while it does.
    pub async fn find(
        &self,
        token_digest: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<Pending>, sqlx::Error> {
        let query = sqlx::query!(
            "SELECT account_id, email, display_name, password_hash, created_at, \
             confirmed_at IS NOT NULL AS \"is_confirmed!\" \
             FROM pending_registrations WHERE token_digest = $1 AND expires_at > $2",
            token_digest,
            now
        );
        let row = db::observe("SELECT pending_registrations", query.fetch_optional(&self.pool)).await?;
        Ok(row.map(|row| {
            let account = Account {
                id: AccountId::new(row.account_id),
                email: row.email,
                display_name: row.display_name,
                created_at: row.created_at,
            };
            Pending {
                stored: Stored { account, password_hash: row.password_hash },
                is_confirmed: row.is_confirmed,
            }
        }))
    }

    /// Makes the account, and ends what else waits for its address. `false` when the address has an account meanwhile:
    /// nothing was changed.
    pub async fn confirm(
        &self,
        token_digest: &[u8],
        new: &Stored,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            let account = &new.account;
            let inserted = sqlx::query!(
                "INSERT INTO accounts (id, email, display_name, password_hash, idempotency_key, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                account.id.uuid(),
                account.email,
                account.display_name,
                new.password_hash,
                // Registrations have their keys in a table of their own; this column is of the version before.
                account.id.to_string(),
                now
            );
            if inserted.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            // So that it leaves with the account.
            sqlx::query!(
                "UPDATE registrations r SET account_id = $2 FROM pending_registrations p \
                 WHERE p.token_digest = $1 AND r.idempotency_key = p.idempotency_key",
                token_digest,
                account.id.uuid()
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!(
                "UPDATE pending_registrations SET confirmed_at = $2 WHERE token_digest = $1",
                token_digest,
                now
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!(
                "DELETE FROM pending_registrations WHERE email = $1 AND confirmed_at IS NULL",
                account.email
            )
            .execute(&mut *tx)
            .await?;
            outbox::insert(&mut tx, &outbox::event(IdentityEventKind::Registered, account, now)).await?;
            tx.commit().await?;
            Ok(true)
        };
        db::observe("INSERT accounts", work).await
    }

    /// Removes what is over; answers how many.
    pub async fn expire(&self, now: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query!(
            "DELETE FROM pending_registrations WHERE token_digest IN (SELECT token_digest \
             FROM pending_registrations WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
            now,
            limit
        );
        let removed = db::observe("DELETE pending_registrations", query.execute(&self.pool)).await?;
        Ok(removed.rows_affected())
    }
}

/// Keeps an account that was asked for, until its owner confirms it or `expires_at`.
pub(super) async fn insert(
    tx: &mut PgConnection,
    key: &str,
    token_digest: &[u8],
    new: &Stored,
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let account = &new.account;
    sqlx::query!(
        "INSERT INTO pending_registrations \
         (token_digest, account_id, email, display_name, password_hash, created_at, expires_at, idempotency_key) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        token_digest,
        account.id.uuid(),
        account.email,
        account.display_name,
        new.password_hash,
        account.created_at,
        expires_at,
        key
    )
    .execute(tx)
    .await
    .map(|_| ())
}

/// Forgets what an address asked for, whether it was confirmed or not.
pub(super) async fn forget(tx: &mut PgConnection, email: &str) -> Result<(), sqlx::Error> {
    let query = sqlx::query!("DELETE FROM pending_registrations WHERE email = $1", email);
    query.execute(tx).await.map(|_| ())
}
