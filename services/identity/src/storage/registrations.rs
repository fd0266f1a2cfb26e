//! Registrations in Postgres: the account, the key that it was asked for under, and what its owner is told.

use chrono::{DateTime, Utc};
use shop_contracts::events::IdentityEventKind;
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool, Row as _};

use super::accounts::{Stored, account};
use super::outbox;

/// What came of asking for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The account is new.
    New,
    /// The address had one; its owner is told by mail.
    Existing,
    /// This request was answered before; nothing was changed.
    Repeated,
    /// The key belongs to a request for another address or name.
    KeyReused,
}

/// The table `registrations`, with the accounts that it leads to.
#[derive(Clone)]
pub struct PgRegistrations {
    pool: PgPool,
}

impl PgRegistrations {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Makes the account, once for each key and once for each address. Whether the address was new makes no difference
    /// that could be measured from outside: one transaction that writes a key and an event, either way.
    pub async fn register(
        &self,
        key: &str,
        request_digest: &[u8],
        new: &Stored,
    ) -> Result<Registered, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            if let Some(before) = known_key(&mut tx, key, request_digest, &new.account.email).await? {
                return Ok(before);
            }
            let fresh = insert_account(&mut tx, key, new).await?;
            // Its owner's own name, never the one that a stranger typed.
            let found =
                sqlx::query("SELECT id, email, display_name, created_at FROM accounts WHERE email = $1")
                    .bind(&new.account.email)
                    .fetch_optional(&mut *tx)
                    .await?;
            let owner = found.as_ref().map(account).transpose()?;
            // Not there although it was not inserted: the key was taken meanwhile, for another address.
            let Some(owner) = owner else { return Ok(Registered::KeyReused) };
            let noted = sqlx::query(
                "INSERT INTO registrations (idempotency_key, account_id, request_digest, created_at) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (idempotency_key) DO NOTHING",
            )
            .bind(key)
            .bind(owner.id.uuid())
            .bind(request_digest)
            .bind(new.account.created_at)
            .execute(&mut *tx)
            .await?;
            if noted.rows_affected() == 0 {
                // The same request on another connection was faster; what this one wrote is rolled back.
                let before = known_key(&mut tx, key, request_digest, &new.account.email).await?;
                return Ok(before.unwrap_or(Registered::KeyReused));
            }
            let (kind, outcome) = if fresh {
                (IdentityEventKind::Registered, Registered::New)
            } else {
                (IdentityEventKind::AlreadyRegistered, Registered::Existing)
            };
            outbox::insert(&mut tx, &outbox::event(kind, &owner, new.account.created_at)).await?;
            tx.commit().await?;
            Ok(outcome)
        };
        db::observe("INSERT registrations", work).await
    }

    /// Forgets keys from before `before`; answers how many.
    pub async fn forget(&self, before: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query(
            "DELETE FROM registrations WHERE idempotency_key IN (SELECT idempotency_key FROM registrations \
             WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        );
        let removed = query.bind(before).bind(limit).execute(&self.pool);
        Ok(db::observe("DELETE registrations", removed).await?.rows_affected())
    }
}

/// What an earlier request under this key came to; nothing when there was none. Accounts of the version before have
/// their key in their own row.
async fn known_key(
    tx: &mut PgConnection,
    key: &str,
    request_digest: &[u8],
    email: &str,
) -> Result<Option<Registered>, sqlx::Error> {
    let same: Option<bool> = sqlx::query_scalar(
        "SELECT coalesce((SELECT request_digest = $2 FROM registrations WHERE idempotency_key = $1), \
         (SELECT email = $3 FROM accounts WHERE idempotency_key = $1))",
    )
    .bind(key)
    .bind(request_digest)
    .bind(email)
    .fetch_one(tx)
    .await?;
    Ok(same.map(|same| if same { Registered::Repeated } else { Registered::KeyReused }))
}

/// `false` when the address or the key is there already.
async fn insert_account(tx: &mut PgConnection, key: &str, new: &Stored) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(
        "INSERT INTO accounts (id, email, display_name, password_hash, idempotency_key, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(new.account.id.uuid())
    .bind(&new.account.email)
    .bind(&new.account.display_name)
    .bind(&new.password_hash)
    .bind(key)
    .bind(new.account.created_at)
    .fetch_optional(tx)
    .await?;
    Ok(inserted.is_some_and(|row| row.try_get::<uuid::Uuid, _>("id").is_ok()))
}
