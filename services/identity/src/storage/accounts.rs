//! Accounts in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::events::IdentityEventKind;
use shop_contracts::identity::Account;
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool, Row as _, postgres::PgRow};

use super::outbox;
use crate::credentials::Email;

/// An account with what proves who owns it.
#[derive(Clone)]
pub struct Stored {
    pub account: Account,
    /// PHC string.
    pub password_hash: String,
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
        let query = sqlx::query(
            "SELECT id, email, display_name, password_hash, created_at FROM accounts WHERE email = $1",
        );
        let row = query.bind(email.as_str()).fetch_optional(&self.pool);
        db::observe("SELECT accounts", row).await?.as_ref().map(stored).transpose()
    }

    /// The account with this id.
    pub async fn find(&self, id: AccountId) -> Result<Option<Stored>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT id, email, display_name, password_hash, created_at FROM accounts WHERE id = $1",
        );
        let row = query.bind(id.uuid()).fetch_optional(&self.pool);
        db::observe("SELECT accounts", row).await?.as_ref().map(stored).transpose()
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
            let id = known.account.id.uuid();
            let changed =
                sqlx::query("UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
                    .bind(id)
                    .bind(&known.password_hash)
                    .bind(new_hash)
                    .execute(&mut *tx)
                    .await?;
            if changed.rows_affected() == 0 {
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
            let removed = sqlx::query("DELETE FROM accounts WHERE id = $1")
                .bind(account.id.uuid())
                .execute(&mut *tx)
                .await?;
            if removed.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query("INSERT INTO account_deletions (account_id, deleted_at, due_at) VALUES ($1, $2, $2)")
                .bind(account.id.uuid())
                .bind(now)
                .execute(&mut *tx)
                .await?;
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
    sqlx::query(
        "DELETE FROM sessions WHERE account_id = $1 AND idempotency_key NOT IN \
         (SELECT idempotency_key FROM sessions WHERE account_id = $1 AND token_digest = $2)",
    )
    .bind(account.uuid())
    .bind(keep_token)
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM password_resets WHERE account_id = $1").bind(account.uuid()).execute(tx).await?;
    Ok(())
}

/// Reads the columns of an account.
pub(super) fn account(row: &PgRow) -> Result<Account, sqlx::Error> {
    Ok(Account {
        id: AccountId::new(row.try_get("id")?),
        email: row.try_get("email")?,
        display_name: row.try_get("display_name")?,
        created_at: row.try_get("created_at")?,
    })
}

fn stored(row: &PgRow) -> Result<Stored, sqlx::Error> {
    Ok(Stored { account: account(row)?, password_hash: row.try_get("password_hash")? })
}
