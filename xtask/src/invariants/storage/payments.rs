//! The database of payments: our rows, and the sandbox provider's own books.

use std::collections::BTreeMap;

use sqlx::{Row as _, postgres::PgRow, types::Uuid};

use super::{Reader, named};
use crate::invariants::snapshot::{
    Amount, Authorisation, MovementKind, Operation, OperationKind, OperationState, PaymentBooks,
    PaymentState, ProviderPayment,
};

/// Reads both.
pub async fn read(urls: &[String]) -> Result<PaymentBooks, String> {
    let mut reader = Reader::open("payments", urls).await?;
    let sql = "SELECT order_id, id, amount_minor, currency, outcome = 'approved' AS is_approved, state, \
               provider_reference, refunded_minor, created_at FROM authorisations";
    let authorisations = reader.rows(sql, authorisation).await?.into_iter().collect();
    let sql = "SELECT id, kind, order_id, authorisation_id, idempotency_key, amount_minor, currency, state, \
               created_at FROM payment_operations";
    let operations = reader.rows(sql, operation).await?;
    let sql = "SELECT reference, order_id, amount_minor, currency, outcome = 'approved' AS is_approved, created_at \
               FROM sandbox_payments";
    let mut provider: BTreeMap<String, ProviderPayment> =
        reader.rows(sql, payment).await?.into_iter().collect();
    let sql = "SELECT reference, kind, amount_minor FROM sandbox_movements ORDER BY id";
    for (reference, movement) in reader.rows(sql, movement).await? {
        provider.entry(reference).and_modify(|payment| payment.movements.push(movement));
    }
    Ok(PaymentBooks { authorisations, operations, provider })
}

fn amount(row: &PgRow) -> Result<Amount, sqlx::Error> {
    Ok(Amount { minor: row.try_get("amount_minor")?, currency: row.try_get("currency")? })
}

fn authorisation(row: &PgRow) -> Result<(Uuid, Authorisation), sqlx::Error> {
    let it = Authorisation {
        id: row.try_get("id")?,
        amount: amount(row)?,
        is_approved: row.try_get("is_approved")?,
        state: named(row, "state", PaymentState::parse)?,
        reference: row.try_get("provider_reference")?,
        refunded_minor: row.try_get("refunded_minor")?,
        created_at: row.try_get("created_at")?,
    };
    Ok((row.try_get("order_id")?, it))
}

fn operation(row: &PgRow) -> Result<Operation, sqlx::Error> {
    Ok(Operation {
        id: row.try_get("id")?,
        kind: named(row, "kind", OperationKind::parse)?,
        order: row.try_get("order_id")?,
        authorisation: row.try_get("authorisation_id")?,
        key: row.try_get("idempotency_key")?,
        amount: amount(row)?,
        state: named(row, "state", OperationState::parse)?,
        created_at: row.try_get("created_at")?,
    })
}

fn payment(row: &PgRow) -> Result<(String, ProviderPayment), sqlx::Error> {
    let it = ProviderPayment {
        order: row.try_get("order_id")?,
        amount: amount(row)?,
        is_approved: row.try_get("is_approved")?,
        created_at: row.try_get("created_at")?,
        movements: Vec::new(),
    };
    Ok((row.try_get("reference")?, it))
}

fn movement(row: &PgRow) -> Result<(String, (MovementKind, i64)), sqlx::Error> {
    let kind = named(row, "kind", MovementKind::parse)?;
    Ok((row.try_get("reference")?, (kind, row.try_get("amount_minor")?)))
}
