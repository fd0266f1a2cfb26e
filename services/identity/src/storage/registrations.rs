//! Registrations in Postgres: the key that an account was asked for under, and what the owner of the address is told.

use chrono::{DateTime, Utc};
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::Account;
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool};

use super::accounts::Stored;
use super::{confirmations, outbox};
use crate::token::Token;

/// What came of asking for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The address has no account; its owner is asked to confirm one.
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

    /// Asks the owner of the address to confirm the account, or tells that there is one, once for each key. Which of
    /// the two makes no difference that could be measured from outside: the same rows are written either way.
    pub async fn register(
        &self,
        key: &str,
        request_digest: &[u8],
        new: &Stored,
        token: Token,
        expires_at: DateTime<Utc>,
    ) -> Result<Registered, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            if let Some(before) = known_key(&mut tx, key, request_digest, &new.account.email).await? {
                return Ok(before);
            }
            // Its owner's own name, never the one that a stranger typed.
            let query = sqlx::query_as!(
                Account,
                "SELECT id, email, display_name, created_at FROM accounts WHERE email = $1",
                new.account.email
            );
            let owner = query.fetch_optional(&mut *tx).await?;
            let query = sqlx::query!(
                "INSERT INTO registrations (idempotency_key, account_id, request_digest, created_at) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (idempotency_key) DO NOTHING",
                key,
                owner.as_ref().map(|owner| owner.id.uuid()),
                request_digest,
                new.account.created_at
            );
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                // The same request on another connection was faster; what this one wrote is rolled back.
                let before = known_key(&mut tx, key, request_digest, &new.account.email).await?;
                return Ok(before.unwrap_or(Registered::KeyReused));
            }
            // Of an address that has an account nobody gets to know the token.
            confirmations::insert(&mut tx, key, &token.digest(), new, expires_at).await?;
            let now = new.account.created_at;
            let (event, outcome) = match &owner {
                Some(owner) => {
                    (outbox::event(IdentityEventKind::AlreadyRegistered, owner, now), Registered::Existing)
                }
                None => (outbox::registration_requested(&new.account, token, now), Registered::New),
            };
            outbox::insert(&mut tx, &event).await?;
            tx.commit().await?;
            Ok(outcome)
        };
        db::observe("INSERT registrations", work).await
    }

    /// Forgets keys from before `before`; answers how many.
    pub async fn forget(&self, before: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query!(
            "DELETE FROM registrations WHERE idempotency_key IN (SELECT idempotency_key FROM registrations \
             WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
            before,
            limit
        );
        Ok(db::observe("DELETE registrations", query.execute(&self.pool)).await?.rows_affected())
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
    let same = sqlx::query_scalar!(
        "SELECT coalesce((SELECT request_digest = $2 FROM registrations WHERE idempotency_key = $1), \
         (SELECT email = $3 FROM accounts WHERE idempotency_key = $1))",
        key,
        request_digest,
        email
    )
    .fetch_one(tx)
    .await?;
    Ok(same.map(|same| if same { Registered::Repeated } else { Registered::KeyReused }))
}
