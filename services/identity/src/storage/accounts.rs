//! Accounts in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::Account;
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool};

use super::{confirmations, outbox};
use crate::credentials::Email;
use crate::guessable::OwnWords;

/// An account with what proves who owns it.
#[derive(Clone)]
pub struct Stored {
    pub account: Account,
    /// PHC string.
    pub password_hash: String,
}

impl Stored {
    /// Words that its owner's password must not be made of.
    pub fn own_words(&self) -> OwnWords {
        let Account { email, display_name, .. } = &self.account;
        OwnWords::of_account(email, display_name)
    }
}

/// A query for whole accounts: what comes after the columns, and its parameter.
macro_rules! stored {
    ($after:literal, $parameter:expr) => {
        sqlx::query!(
            "SELECT id, email, display_name, password_hash, created_at FROM accounts " + $after,
            $parameter
        )
        .map(|row| Stored {
            account: Account {
                id: AccountId::new(row.id),
                email: row.email,
                display_name: row.display_name,
                created_at: row.created_at,
            },
            password_hash: row.password_hash,
        })
    };
}

/// The table `accounts`.
#[derive(Clone)]
pub struct PgAccounts {
    pool: PgPool,
}

impl PgAccounts {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The account of an address.
    pub async fn find_by_email(&self, email: &Email) -> Result<Option<Stored>, sqlx::Error> {
        let query = stored!("WHERE email = $1", email.as_str());
        db::observe("SELECT accounts", query.fetch_optional(&self.pool)).await
    }

    /// The account with this id.
    pub async fn find(&self, id: AccountId) -> Result<Option<Stored>, sqlx::Error> {
        let query = stored!("WHERE id = $1", id.uuid());
        db::observe("SELECT accounts", query.fetch_optional(&self.pool)).await
    }

    /// Replaces the password that was `known`, ends every session but the one of `keep_token`, makes asked-for resets
    /// worthless, and tells the owner. `false` when the password is another one meanwhile: nothing was changed.
    pub async fn change_password(
        &self,
        known: &Stored,
        new_hash: &str,
        keep_token: Option<&[u8]>,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            let query = sqlx::query!(
                "UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
                known.account.id.uuid(),
                known.password_hash,
                new_hash
            );
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            end_access(&mut tx, known.account.id, keep_token).await?;
            let event = outbox::event(IdentityEventKind::PasswordChanged, &known.account, now);
            outbox::insert(&mut tx, &event).await?;
            tx.commit().await?;
            Ok(true)
        };
        db::observe("UPDATE accounts", work).await
    }

    /// Removes an account with everything that hangs on it, notes that orders has to forget the person, and tells the
    /// owner. `false` when it was gone already.
    pub async fn delete(&self, account: &Account, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            let query = sqlx::query!("DELETE FROM accounts WHERE id = $1", account.id.uuid());
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let query = sqlx::query!(
                "INSERT INTO account_deletions (account_id, deleted_at, due_at) VALUES ($1, $2, $2)",
                account.id.uuid(),
                now
            );
            query.execute(&mut *tx).await?;
            confirmations::forget(&mut tx, &account.email).await?;
            outbox::insert(&mut tx, &outbox::event(IdentityEventKind::Deleted, account, now)).await?;
            tx.commit().await?;
            Ok(true)
        };
        db::observe("DELETE accounts", work).await
    }
}

/// Ends every session but the one of `keep_token` (under every token that it was given out under), and every reset.
pub(super) async fn end_access(
    tx: &mut PgConnection,
    account: AccountId,
    keep_token: Option<&[u8]>,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query!(
        "DELETE FROM sessions WHERE account_id = $1 AND idempotency_key NOT IN \
         (SELECT idempotency_key FROM sessions WHERE account_id = $1 AND token_digest = $2)",
        account.uuid(),
        keep_token
    );
    query.execute(&mut *tx).await?;
    let query = sqlx::query!("DELETE FROM password_resets WHERE account_id = $1", account.uuid());
    query.execute(tx).await.map(|_| ())
}
