//! Rows as types.

use chrono::{DateTime, Utc};
use shop_contracts::payments::{Authorisation, AuthorisationOutcome, AuthorisationState};
use shop_contracts::{Money, OrderId, PaymentId};
use uuid::Uuid;

use crate::operation::{Kind, Operation, OperationState};

/// What is read of `authorisations`.
#[derive(Debug, Clone)]
pub struct AuthorisationRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub amount_minor: i64,
    pub currency: String,
    pub outcome: String,
    pub state: String,
    pub provider_reference: Option<String>,
    pub refunded_minor: i64,
}

/// What is read of `payment_operations`: all but `next_attempt_at` and `updated_at`.
#[derive(Debug, Clone)]
pub struct OperationRow {
    pub id: Uuid,
    pub kind: String,
    pub order_id: Uuid,
    pub authorisation_id: Uuid,
    pub provider_key: String,
    pub idempotency_key: String,
    pub token_digest: Option<Vec<u8>>,
    pub amount_minor: i64,
    pub currency: String,
    pub state: String,
    pub provider_reference: Option<String>,
    pub failure: Option<String>,
    pub attempts: i32,
    pub lease_until: Option<DateTime<Utc>>,
    pub last_call_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

fn unknown(column: &str, value: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column}: unknown {value:?}").into())
}

fn money(amount_minor: i64, currency: &str) -> Result<Money, sqlx::Error> {
    let parsed = currency.parse().map_err(|_| unknown("currency", currency))?;
    Ok(Money::new(amount_minor, parsed))
}

impl TryFrom<AuthorisationRow> for Authorisation {
    type Error = sqlx::Error;

    fn try_from(row: AuthorisationRow) -> Result<Self, sqlx::Error> {
        let amount = money(row.amount_minor, &row.currency)?;
        Ok(Self {
            id: PaymentId::new(row.id),
            order_id: OrderId::new(row.order_id),
            amount,
            outcome: match row.outcome.as_str() {
                "approved" => AuthorisationOutcome::Approved,
                "declined" => AuthorisationOutcome::Declined,
                other => return Err(unknown("outcome", other)),
            },
            state: match row.state.as_str() {
                "open" => AuthorisationState::Open,
                // Instances that know no refunds read the same rows: the column says captured, the amount the rest.
                "captured" if row.refunded_minor == amount.amount_minor => AuthorisationState::Refunded,
                "captured" => AuthorisationState::Captured,
                "voided" => AuthorisationState::Voided,
                other => return Err(unknown("state", other)),
            },
            provider_reference: row.provider_reference,
            refunded_minor: row.refunded_minor,
        })
    }
}

impl TryFrom<OperationRow> for Operation {
    type Error = sqlx::Error;

    fn try_from(row: OperationRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            kind: match row.kind.as_str() {
                "authorise" => Kind::Authorise,
                "capture" => Kind::Capture,
                "void" => Kind::Void,
                "refund" => Kind::Refund,
                other => return Err(unknown("kind", other)),
            },
            order_id: OrderId::new(row.order_id),
            payment_id: PaymentId::new(row.authorisation_id),
            provider_key: row.provider_key,
            caller_key: row.idempotency_key,
            token_digest: row.token_digest,
            amount: money(row.amount_minor, &row.currency)?,
            state: match row.state.as_str() {
                "requested" => OperationState::Requested,
                "succeeded" => OperationState::Succeeded,
                "declined" => OperationState::Declined,
                "failed" => OperationState::Failed,
                "unknown" => OperationState::Unknown,
                other => return Err(unknown("state", other)),
            },
            provider_reference: row.provider_reference,
            failure: row.failure,
            attempts: row.attempts,
            lease_until: row.lease_until,
            last_call_at: row.last_call_at,
            created_at: row.created_at,
        })
    }
}
