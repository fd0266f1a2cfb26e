//! Events that wait for the relay.

use chrono::{DateTime, Utc};
use shop_contracts::AccountId;
use shop_contracts::events::{IdentityEvent, IdentityEventKind};
use shop_contracts::identity::Account;
use shop_instrumentation::{ids, streams};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::token::Token;

/// An event about an account.
pub fn event(kind: IdentityEventKind, account: &Account, now: DateTime<Utc>) -> IdentityEvent {
    IdentityEvent {
        id: ids::new_id(),
        kind,
        occurred_at: now,
        account_id: account.id,
        email: account.email.clone(),
        name: account.display_name.clone(),
        token: None,
    }
}

/// The event that carries a reset's token to the mail. The outbox and the stream hold the token for as long as it
/// takes to send; what cannot be sent is put aside without it.
pub fn reset_requested(account: &Account, token: Token, now: DateTime<Utc>) -> IdentityEvent {
    let token = Some(token.into_string());
    IdentityEvent { token, ..event(IdentityEventKind::PasswordResetRequested, account, now) }
}

/// The event that carries a registration's token to the mail.
pub fn registration_requested(account: &Account, token: Token, now: DateTime<Utc>) -> IdentityEvent {
    let token = Some(token.into_string());
    IdentityEvent { token, ..event(IdentityEventKind::RegistrationRequested, account, now) }
}

/// The event of a reset that nobody gets: it names nobody, and is there so that asking costs the same.
pub fn reset_for_nobody(now: DateTime<Utc>) -> IdentityEvent {
    IdentityEvent {
        id: ids::new_id(),
        kind: IdentityEventKind::PasswordResetForNobody,
        occurred_at: now,
        account_id: AccountId::new(ids::new_id()),
        email: String::new(),
        name: String::new(),
        token: None,
    }
}

/// Adds an event to the caller's transaction, in the current trace.
pub(super) async fn insert(tx: &mut PgConnection, event: &IdentityEvent) -> Result<(), sqlx::Error> {
    let context = streams::inject_context().into_iter().find(|(name, _)| name == "traceparent");
    sqlx::query!(
        "INSERT INTO outbox (event_id, kind, payload, traceparent, created_at) VALUES ($1, $2, $3, $4, $5)",
        event.id,
        event.kind.as_str(),
        Json(event) as _,
        context.map(|(_, value)| value),
        event.occurred_at
    )
    .execute(tx)
    .await
    .map(|_| ())
}
