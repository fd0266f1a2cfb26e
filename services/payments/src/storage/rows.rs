//! Rows as types.

use shop_contracts::payments::{Authorisation, AuthorisationOutcome, AuthorisationState};
use shop_contracts::{Money, OrderId, PaymentId};
use sqlx::{Row as _, postgres::PgRow};

use crate::operation::{Kind, Operation, OperationState};

fn unknown(column: &str, value: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column}: unknown {value:?}").into())
}

fn money(row: &PgRow) -> Result<Money, sqlx::Error> {
    let currency: String = row.try_get("currency")?;
    let parsed = currency.parse().map_err(|_| unknown("currency", &currency))?;
    Ok(Money::new(row.try_get("amount_minor")?, parsed))
}

/// From `id, order_id, amount_minor, currency, outcome, state, provider_reference, refunded_minor`.
pub fn authorisation(row: &PgRow) -> Result<Authorisation, sqlx::Error> {
    let amount = money(row)?;
    let outcome: String = row.try_get("outcome")?;
    let state: String = row.try_get("state")?;
    let refunded_minor: i64 = row.try_get("refunded_minor")?;
    Ok(Authorisation {
        id: PaymentId::new(row.try_get("id")?),
        order_id: OrderId::new(row.try_get("order_id")?),
        amount,
        outcome: match outcome.as_str() {
            "approved" => AuthorisationOutcome::Approved,
            "declined" => AuthorisationOutcome::Declined,
            other => return Err(unknown("outcome", other)),
        },
        state: match state.as_str() {
            "open" => AuthorisationState::Open,
            // Instances that know no refunds read the same rows: the column says captured, the amount says the rest.
            "captured" if refunded_minor == amount.amount_minor => AuthorisationState::Refunded,
            "captured" => AuthorisationState::Captured,
            "voided" => AuthorisationState::Voided,
            other => return Err(unknown("state", other)),
        },
        provider_reference: row.try_get("provider_reference")?,
        refunded_minor,
    })
}

/// From all columns of `payment_operations` but `next_attempt_at` and `updated_at`.
pub fn operation(row: &PgRow) -> Result<Operation, sqlx::Error> {
    let kind: String = row.try_get("kind")?;
    let state: String = row.try_get("state")?;
    Ok(Operation {
        id: row.try_get("id")?,
        kind: match kind.as_str() {
            "authorise" => Kind::Authorise,
            "capture" => Kind::Capture,
            "void" => Kind::Void,
            "refund" => Kind::Refund,
            other => return Err(unknown("kind", other)),
        },
        order_id: OrderId::new(row.try_get("order_id")?),
        payment_id: PaymentId::new(row.try_get("authorisation_id")?),
        provider_key: row.try_get("provider_key")?,
        caller_key: row.try_get("idempotency_key")?,
        token_digest: row.try_get("token_digest")?,
        amount: money(row)?,
        state: match state.as_str() {
            "requested" => OperationState::Requested,
            "succeeded" => OperationState::Succeeded,
            "declined" => OperationState::Declined,
            "failed" => OperationState::Failed,
            "unknown" => OperationState::Unknown,
            other => return Err(unknown("state", other)),
        },
        provider_reference: row.try_get("provider_reference")?,
        failure: row.try_get("failure")?,
        attempts: row.try_get("attempts")?,
        lease_until: row.try_get("lease_until")?,
        last_call_at: row.try_get("last_call_at")?,
        created_at: row.try_get("created_at")?,
    })
}
