//! Events that wait for the relay.

use chrono::{DateTime, Utc};
use shop_contracts::events::{IdentityEvent, IdentityEventKind};
use shop_contracts::identity::Account;
use shop_instrumentation::{ids, streams};
use sqlx::PgConnection;

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
/// takes to send; nothing else ever does.
pub fn reset_requested(account: &Account, token: Token, now: DateTime<Utc>) -> IdentityEvent {
    let token = Some(token.into_string());
    IdentityEvent { token, ..event(IdentityEventKind::PasswordResetRequested, account, now) }
}

/// Adds an event to the caller's transaction, in the current trace.
pub(super) async fn insert(tx: &mut PgConnection, event: &IdentityEvent) -> Result<(), sqlx::Error> {
    let payload = serde_json::to_value(event).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let context = streams::inject_context().into_iter().find(|(name, _)| name == "traceparent");
    sqlx::query(
        "INSERT INTO outbox (event_id, kind, payload, traceparent, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(event.id)
    .bind(event.kind.as_str())
    .bind(payload)
    .bind(context.map(|(_, value)| value))
    .bind(event.occurred_at)
    .execute(tx)
    .await
    .map(|_| ())
}
