//! The database of identity: accounts, and what asks for a mail.

use std::collections::BTreeMap;

use sqlx::{
    Row as _,
    postgres::PgRow,
    types::{
        Uuid,
        chrono::{DateTime, Utc},
    },
};

use super::Reader;
use crate::invariants::snapshot::{IdentityBooks, MailCause};

/// Reads accounts, deletions and what asked for a mail; no password, no token.
pub async fn read(urls: &[String]) -> Result<IdentityBooks, String> {
    let mut reader = Reader::open("identity", urls).await?;
    let mut books = IdentityBooks::default();
    let sql = "SELECT id, lower(email) AS email, created_at AS at FROM accounts";
    for (id, address, at) in reader.rows(sql, |row| Ok((row.try_get("id")?, address(row)?, at(row)?))).await?
    {
        books.accounts.insert(id);
        books.asked.entry((MailCause::Registered, address)).or_default().push(at);
    }
    let sql = "SELECT account_id, deleted_at AS at FROM account_deletions";
    let gone = |row: &PgRow| Ok((row.try_get::<Uuid, _>("account_id")?, at(row)?));
    books.deletions = reader.rows(sql, gone).await?.into_iter().collect::<BTreeMap<_, _>>();
    let sql = "SELECT lower(email) AS email, created_at AS at FROM pending_registrations";
    for (address, at) in reader.rows(sql, |row| Ok((address(row)?, at(row)?))).await? {
        books.asked.entry((MailCause::Asked, address)).or_default().push(at);
    }
    let sql = "SELECT lower(a.email) AS email, r.created_at AS at FROM password_resets r \
               JOIN accounts a ON a.id = r.account_id";
    for (address, at) in reader.rows(sql, |row| Ok((address(row)?, at(row)?))).await? {
        books.asked.entry((MailCause::Reset, address)).or_default().push(at);
    }
    books.asked.values_mut().for_each(|times| times.sort_unstable());
    let sql = "SELECT kind, lower(payload ->> 'email') AS email FROM outbox WHERE payload ->> 'email' <> ''";
    let waiting = reader.rows(sql, |row| Ok((row.try_get::<String, _>("kind")?, address(row)?))).await?;
    books.outbox = waiting.into_iter().map(|(kind, address)| (mail_of(&kind).to_owned(), address)).collect();
    Ok(books)
}

/// The mail that an event asks for; none for kinds that ask for none.
fn mail_of(event: &str) -> &'static str {
    match event {
        "identity.registration_requested" => "confirm_registration",
        "identity.already_registered" => "already_registered",
        "identity.registered" => "registered",
        "identity.password_reset_requested" => "password_reset",
        "identity.password_changed" => "password_changed",
        "identity.deleted" => "account_deleted",
        _ => "",
    }
}

fn address(row: &PgRow) -> Result<String, sqlx::Error> {
    row.try_get("email")
}

fn at(row: &PgRow) -> Result<DateTime<Utc>, sqlx::Error> {
    row.try_get("at")
}
