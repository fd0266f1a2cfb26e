//! Accounts in Postgres.

use shop_contracts::AccountId;
use shop_contracts::identity::Account;
use shop_instrumentation::db;
use sqlx::{PgPool, Row as _, postgres::PgRow};

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

    /// The account that was registered under a key.
    pub async fn find_by_key(&self, key: &str) -> Result<Option<Stored>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT id, email, display_name, password_hash, created_at FROM accounts \
             WHERE idempotency_key = $1",
        );
        let row = query.bind(key).fetch_optional(&self.pool);
        db::observe("SELECT accounts", row).await?.as_ref().map(stored).transpose()
    }

    /// Keeps a new account. `false` when its address or its key is already there: nothing was changed.
    pub async fn insert(&self, key: &str, new: &Stored) -> Result<bool, sqlx::Error> {
        let Stored { account, password_hash } = new;
        let query = sqlx::query(
            "INSERT INTO accounts (id, email, display_name, password_hash, idempotency_key, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let query = query
            .bind(account.id.uuid())
            .bind(&account.email)
            .bind(&account.display_name)
            .bind(password_hash)
            .bind(key)
            .bind(account.created_at)
            .execute(&self.pool);
        match db::observe("INSERT accounts", query).await {
            Ok(_) => Ok(true),
            Err(error) => match db::violated_constraint(&error) {
                Some("accounts_email_key" | "accounts_idempotency_key") => Ok(false),
                _ => Err(error),
            },
        }
    }
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
