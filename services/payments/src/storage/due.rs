//! What is due for the reconciler. A claim moves the row's next time forward, so that instances share the work and one
//! that dies leaves it to the others.

use chrono::{DateTime, Utc};
use shop_contracts::payments::Authorisation;
use shop_contracts::{OrderId, PaymentId};
use shop_instrumentation::db;

use super::rows::{AuthorisationRow, OperationRow};
use super::{PgPayments, begin::Turn};
use crate::operation::Operation;

/// An abandoned order whose money is not known to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbandonedOrder {
    pub order_id: OrderId,
    pub abandoned_at: DateTime<Utc>,
    pub attempts: i32,
    /// It is the caller's until then; who still holds this moment may write.
    pub claimed_until: DateTime<Utc>,
}

impl PgPayments {
    /// Operations without an answer that nobody works on; each is the caller's for the lease.
    pub async fn claim_operations(&self, limit: i64, turn: Turn) -> Result<Vec<Operation>, sqlx::Error> {
        let query = sqlx::query_as!(
            OperationRow,
            "UPDATE payment_operations SET attempts = attempts + 1, lease_until = $2, next_attempt_at = $2 \
             WHERE id IN (SELECT id FROM payment_operations WHERE state IN ('requested', 'unknown') \
             AND next_attempt_at <= $1 AND (lease_until IS NULL OR lease_until <= $1) \
             ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
             RETURNING id, kind, order_id, authorisation_id, provider_key, idempotency_key, token_digest, \
             amount_minor, currency, state, provider_reference, failure, attempts, lease_until, last_call_at, \
             created_at",
            turn.now,
            turn.now + turn.lease,
            limit
        );
        let rows = db::observe("CLAIM payment_operations", query.fetch_all(&self.pool)).await?;
        rows.into_iter().map(Operation::try_from).collect()
    }

    /// Abandoned orders to look after.
    pub async fn claim_abandoned(&self, limit: i64, turn: Turn) -> Result<Vec<AbandonedOrder>, sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE abandoned_orders SET attempts = attempts + 1, next_check_at = $2 WHERE order_id IN \
             (SELECT order_id FROM abandoned_orders WHERE settled_at IS NULL AND next_check_at <= $1 \
             ORDER BY next_check_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
             RETURNING order_id, abandoned_at, attempts, next_check_at",
            turn.now,
            turn.now + turn.lease,
            limit
        );
        let rows = db::observe("CLAIM abandoned_orders", query.fetch_all(&self.pool)).await?;
        let orders = rows.into_iter().map(|row| AbandonedOrder {
            order_id: OrderId::new(row.order_id),
            abandoned_at: row.abandoned_at,
            attempts: row.attempts,
            claimed_until: row.next_check_at,
        });
        Ok(orders.collect())
    }

    /// Sets when an abandoned order is looked after again; never, when it is settled. Nothing, when it has another owner
    /// by now, or a hold of it was heard of meanwhile.
    pub async fn reschedule_abandoned(
        &self,
        order: &AbandonedOrder,
        next: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE abandoned_orders SET next_check_at = COALESCE($2, next_check_at), \
             settled_at = CASE WHEN $2 IS NULL THEN $3::timestamptz END \
             WHERE order_id = $1 AND next_check_at = $4",
            order.order_id.uuid(),
            next,
            now,
            order.claimed_until
        );
        db::observe("UPDATE abandoned_orders", query.execute(&self.pool)).await.map(|_| ())
    }

    /// Holds older than `before` that nobody captures or voids. One that is taken is left alone for a minute, and twice
    /// as long each further time, up to six hours: those that cannot be voided do not keep the others waiting.
    pub async fn claim_expired(
        &self,
        before: DateTime<Utc>,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<PaymentId>, sqlx::Error> {
        let query = sqlx::query_scalar!(
            "UPDATE authorisations SET void_attempts = void_attempts + 1, void_after = $2::timestamptz \
             + LEAST(interval '1 minute' * (2 ^ LEAST(void_attempts, 9)), interval '6 hours') WHERE id IN \
             (SELECT id FROM authorisations a WHERE state = 'open' AND outcome = 'approved' AND created_at < $1 \
             AND (void_after IS NULL OR void_after <= $2) \
             AND NOT EXISTS (SELECT 1 FROM payment_operations o WHERE o.authorisation_id = a.id \
             AND o.kind IN ('capture', 'void') AND o.state IN ('requested', 'unknown')) \
             ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING id",
            before,
            now,
            limit
        );
        let ids = db::observe("CLAIM authorisations", query.fetch_all(&self.pool)).await?;
        Ok(ids.into_iter().map(PaymentId::new).collect())
    }

    /// Authorisations to compare with the provider's books; those with an operation under way wait.
    pub async fn claim_unverified(&self, limit: i64, turn: Turn) -> Result<Vec<Authorisation>, sqlx::Error> {
        let query = sqlx::query_as!(
            AuthorisationRow,
            "UPDATE authorisations SET verify_at = $2 WHERE id IN \
             (SELECT id FROM authorisations a WHERE verify_at <= $1 AND NOT EXISTS \
             (SELECT 1 FROM payment_operations o WHERE o.authorisation_id = a.id \
             AND o.state IN ('requested', 'unknown')) ORDER BY verify_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
             RETURNING id, order_id, amount_minor, currency, outcome, state, provider_reference, refunded_minor",
            turn.now,
            turn.now + turn.lease,
            limit
        );
        let rows = db::observe("CLAIM authorisations", query.fetch_all(&self.pool)).await?;
        rows.into_iter().map(Authorisation::try_from).collect()
    }
}
