//! Writing down what the provider answered.

use chrono::{DateTime, Duration, Utc};
use shop_instrumentation::db;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{PgPayments, lock_authorisation, lock_order};
use crate::operation::{Kind, Operation, Settled};

/// How long after a change the row is compared with the provider's books.
const VERIFY_AFTER_SECONDS: i64 = 15;

impl PgPayments {
    /// Ends an operation and changes its authorisation, together. `false` when it had ended before: nothing was
    /// changed. A success is never undone; it also replaces "failed", which may have been told too early.
    pub async fn finish(
        &self,
        operation: &Operation,
        settled: &Settled,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        db::observe("UPDATE payment_operations", async {
            let mut tx = self.pool.begin().await?;
            lock_order(&mut tx, operation.order_id).await?;
            lock_authorisation(&mut tx, operation.payment_id).await?;
            if !end(&mut tx, operation.id, settled, now).await? {
                return Ok(false);
            }
            match (operation.kind, settled) {
                (Kind::Authorise, Settled::Succeeded { reference }) => {
                    keep_decision(&mut tx, operation, "approved", reference.as_deref(), now).await?;
                }
                (Kind::Authorise, Settled::Declined { reference }) => {
                    keep_decision(&mut tx, operation, "declined", reference.as_deref(), now).await?;
                }
                (Kind::Capture, Settled::Succeeded { .. }) => {
                    set_state(&mut tx, operation.payment_id.uuid(), "captured", now).await?;
                }
                (Kind::Void, Settled::Succeeded { .. }) => {
                    set_state(&mut tx, operation.payment_id.uuid(), "voided", now).await?;
                }
                (Kind::Refund, Settled::Succeeded { .. }) => add_refunds(&mut tx, operation, now).await?,
                (_, Settled::Declined { .. } | Settled::Failed(_)) => {}
            }
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Gives an operation back without an answer that counts, unless it has another owner by now.
    pub async fn postpone(
        &self,
        operation: &Operation,
        why: &str,
        next: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE payment_operations SET state = 'unknown', failure = left($2, 500), lease_until = NULL, \
             next_attempt_at = $3, updated_at = $4 WHERE id = $1 AND state IN ('requested', 'unknown') \
             AND lease_until IS NOT DISTINCT FROM $5",
            operation.id,
            why,
            next,
            now,
            operation.lease_until
        );
        db::observe("UPDATE payment_operations", query.execute(&self.pool)).await.map(|_| ())
    }
}

async fn end(
    tx: &mut Transaction<'_, Postgres>,
    id: Uuid,
    settled: &Settled,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let (reference, failure) = match settled {
        Settled::Succeeded { reference } | Settled::Declined { reference } => (reference.as_deref(), None),
        Settled::Failed(why) => (None, Some(why.as_str())),
    };
    let ended = sqlx::query!(
        "UPDATE payment_operations SET state = $2, provider_reference = COALESCE($3, provider_reference), \
         failure = left($4, 500), lease_until = NULL, updated_at = $5 \
         WHERE id = $1 AND (state IN ('requested', 'unknown') OR (state = 'failed' AND $2 = 'succeeded'))",
        id,
        settled.state().as_str(),
        reference,
        failure,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(ended.rows_affected() == 1)
}

async fn keep_decision(
    tx: &mut Transaction<'_, Postgres>,
    hold: &Operation,
    outcome: &str,
    reference: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    // An instance that writes no operations may have decided the order before: its row stays, and learns the reference.
    let id = sqlx::query_scalar!(
        "INSERT INTO authorisations (id, order_id, idempotency_key, amount_minor, currency, outcome, state, \
         created_at, updated_at, token_digest, provider_reference, verify_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, $7, $8, $9, $10) ON CONFLICT (order_id) DO UPDATE SET \
         provider_reference = COALESCE(authorisations.provider_reference, EXCLUDED.provider_reference) RETURNING id",
        hold.payment_id.uuid(),
        hold.order_id.uuid(),
        hold.caller_key,
        hold.amount.amount_minor,
        hold.amount.currency.code(),
        outcome,
        now,
        hold.token_digest.as_deref(),
        reference,
        (outcome == "approved").then(|| verify_at(now))
    )
    .fetch_one(&mut **tx)
    .await?;
    if id != hold.payment_id.uuid() {
        sqlx::query!("UPDATE payment_operations SET authorisation_id = $2 WHERE id = $1", hold.id, id)
            .execute(&mut **tx)
            .await?;
    }
    sqlx::query!(
        "UPDATE abandoned_orders SET next_check_at = $2, settled_at = NULL WHERE order_id = $1",
        hold.order_id.uuid(),
        now
    )
    .execute(&mut **tx)
    .await
    .map(|_| ())
}

pub(super) async fn set_state(
    tx: &mut Transaction<'_, Postgres>,
    id: Uuid,
    state: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE authorisations SET state = $2, updated_at = $3, verify_at = $4 WHERE id = $1 AND outcome = 'approved'",
        id,
        state,
        now,
        verify_at(now)
    )
    .execute(&mut **tx)
    .await
    .map(|_| ())
}

async fn add_refunds(
    tx: &mut Transaction<'_, Postgres>,
    refund: &Operation,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE authorisations SET updated_at = $2, verify_at = $3, refunded_minor = (SELECT sum(amount_minor) \
         FROM payment_operations WHERE authorisation_id = $1 AND kind = 'refund' AND state = 'succeeded') WHERE id = $1",
        refund.payment_id.uuid(),
        now,
        verify_at(now)
    )
    .execute(&mut **tx)
    .await
    .map(|_| ())
}

fn verify_at(now: DateTime<Utc>) -> DateTime<Utc> {
    now + Duration::seconds(VERIFY_AFTER_SECONDS)
}
