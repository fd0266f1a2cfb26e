//! A book of addresses that is replaced only as it was seen.
//!
//! A book's version is made of what stands in it: two tabs that saw the same saw the same version, and a book that was
//! changed and changed back is the one that was seen.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use shop_contracts::AccountId;
use shop_contracts::identity::{Addresses, SavedAddress};
use shop_instrumentation::db;
use sqlx::types::Json;

use super::addresses::PgAddresses;

/// What became of a book that was to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It is the account's book.
    Yes,
    /// There is no such account.
    NoAccount,
    /// The book is not the one that was seen.
    Changed,
}

/// What a book with these entries is called: 32 hexadecimal digits.
pub fn version_of(addresses: &[SavedAddress]) -> String {
    // Plain data of strings: it is always JSON.
    let text = serde_json::to_vec(addresses).unwrap_or_default();
    hex::encode(&Sha256::digest(text)[..16])
}

impl PgAddresses {
    /// Replaces the book if its version is this one. Changes of one account wait for each other.
    pub async fn replace_version(
        &self,
        account: AccountId,
        version: &str,
        book: &Addresses,
        now: DateTime<Utc>,
    ) -> Result<Replaced, sqlx::Error> {
        db::observe("UPDATE address_books", async {
            let mut tx = self.pool.begin().await?;
            // The account's row, as there is no row of a book before the first address.
            let lock =
                sqlx::query_scalar!("SELECT id FROM accounts WHERE id = $1 FOR NO KEY UPDATE", account.uuid());
            if lock.fetch_optional(&mut *tx).await?.is_none() {
                return Ok(Replaced::NoAccount);
            }
            let present = sqlx::query_scalar!(
                r#"SELECT addresses AS "addresses: Json<Addresses>" FROM address_books WHERE account_id = $1"#,
                account.uuid()
            );
            let present = present.fetch_optional(&mut *tx).await?;
            let present = present.map(|Json(book)| book.addresses).unwrap_or_default();
            if version_of(&present) != version {
                return Ok(Replaced::Changed);
            }
            let write = sqlx::query!(
                "INSERT INTO address_books (account_id, addresses, updated_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (account_id) DO UPDATE SET addresses = excluded.addresses, \
                 updated_at = excluded.updated_at",
                account.uuid(),
                Json(book) as _,
                now
            );
            write.execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(Replaced::Yes)
        })
        .await
    }
}
