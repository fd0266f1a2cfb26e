//! Where our rows and the provider's books disagree, and how long answers are outstanding.

use chrono::{DateTime, Utc};
use shop_contracts::PaymentId;
use shop_contracts::payments::{Authorisation, AuthorisationState};
use shop_instrumentation::db;

use super::{PgPayments, finish::set_state, lock_authorisation};
use crate::operation::{Kind, Operation};
use crate::reconcile::compare::Difference;

/// What the gauges show.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// When the oldest operation without an answer was asked for.
    pub oldest_open: Option<DateTime<Utc>>,
    /// When the first of what is open is or was due for the reconciler.
    pub first_due: Option<DateTime<Utc>>,
    /// Differences by kind.
    pub differences: Vec<(String, i64)>,
    /// Money held for abandoned orders.
    pub held_unwanted: i64,
}

impl PgPayments {
    /// Notes a difference that is there now.
    pub async fn note_difference(
        &self,
        id: PaymentId,
        kind: Difference,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "INSERT INTO payment_differences (authorisation_id, kind, found_at) VALUES ($1, $2, $3) \
             ON CONFLICT (authorisation_id, kind) DO UPDATE SET resolved_at = NULL, found_at = CASE \
             WHEN payment_differences.resolved_at IS NULL THEN payment_differences.found_at ELSE $3 END",
            id.uuid(),
            kind.as_str(),
            now
        );
        db::observe("INSERT payment_differences", query.execute(&self.pool)).await.map(|_| ())
    }

    /// The books agree: closes what was noted, and compares again at `verify_at`. That a hold cannot be voided stays told
    /// while it is held, which both books say.
    pub async fn note_agreement(
        &self,
        id: PaymentId,
        verify_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        db::observe("UPDATE payment_differences", async {
            let mut tx = self.pool.begin().await?;
            sqlx::query!("UPDATE authorisations SET verify_at = $2 WHERE id = $1", id.uuid(), verify_at)
                .execute(&mut *tx)
                .await?;
            sqlx::query!(
                "UPDATE payment_differences SET resolved_at = $2 WHERE authorisation_id = $1 AND resolved_at IS NULL \
                 AND (kind <> 'void_refused' OR NOT EXISTS \
                 (SELECT FROM authorisations WHERE id = $1 AND state = 'open'))",
                id.uuid(),
                now
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await
        })
        .await
    }

    /// Takes over what the provider says of an open hold: it was captured, or voided, without us.
    pub async fn adopt(&self, id: PaymentId, kind: Kind, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let state = if kind == Kind::Capture { "captured" } else { "voided" };
        db::observe("UPDATE authorisations", async {
            let mut tx = self.pool.begin().await?;
            let row = lock_authorisation(&mut tx, id).await?;
            if row.is_some_and(|a| a.state == AuthorisationState::Open) {
                set_state(&mut tx, id.uuid(), state, now).await?;
                tx.commit().await?;
            }
            Ok(())
        })
        .await
    }

    /// Whether the row still is as it was read, with nothing under way.
    pub async fn is_unchanged(&self, ours: &Authorisation) -> Result<bool, sqlx::Error> {
        let query = sqlx::query_scalar!(
            "SELECT EXISTS (SELECT 1 FROM payment_operations WHERE authorisation_id = $1 \
             AND state IN ('requested', 'unknown')) AS \"under_way!\"",
            ours.id.uuid()
        );
        let under_way = db::observe("SELECT payment_operations", query.fetch_one(&self.pool)).await?;
        Ok(!under_way && self.find(ours.id).await?.as_ref() == Some(ours))
    }

    /// Makes a capture or void that the provider does not show due again, under its old key.
    pub async fn reopen(
        &self,
        ours: &Authorisation,
        kind: Kind,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let new = Operation::settling(kind, ours.order_id, ours.id, ours.amount, now);
        let query = sqlx::query!(
            "INSERT INTO payment_operations (id, kind, order_id, authorisation_id, provider_key, idempotency_key, \
             amount_minor, currency, state, provider_reference, next_attempt_at, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $5, $6, $7, 'unknown', $8, $9, $9, $9) \
             ON CONFLICT (provider_key) DO UPDATE SET state = 'unknown', attempts = 0, lease_until = NULL, \
             next_attempt_at = $9, created_at = $9, updated_at = $9",
            new.id,
            kind.as_str(),
            ours.order_id.uuid(),
            ours.id.uuid(),
            new.provider_key,
            ours.amount.amount_minor,
            ours.amount.currency.code(),
            ours.provider_reference.as_deref(),
            now
        );
        db::observe("INSERT payment_operations", query.execute(&self.pool)).await.map(|_| ())
    }

    /// What is outstanding.
    pub async fn standing(&self) -> Result<Standing, sqlx::Error> {
        let open = sqlx::query!(
            "SELECT min(created_at) AS oldest, LEAST(min(next_attempt_at), \
             (SELECT min(next_check_at) FROM abandoned_orders WHERE settled_at IS NULL)) AS due \
             FROM payment_operations WHERE state IN ('requested', 'unknown')"
        );
        let open = db::observe("SELECT payment_operations", open.fetch_one(&self.pool)).await?;
        let kinds = sqlx::query!(
            "SELECT kind, count(*) AS \"open!\" FROM payment_differences WHERE resolved_at IS NULL GROUP BY kind"
        );
        let rows = db::observe("SELECT payment_differences", kinds.fetch_all(&self.pool)).await?;
        let unwanted = sqlx::query_scalar!(
            "SELECT count(*) AS \"count!\" FROM abandoned_orders o JOIN authorisations a USING (order_id) \
             WHERE o.settled_at IS NULL AND a.outcome = 'approved' AND a.state = 'open'"
        );
        Ok(Standing {
            oldest_open: open.oldest,
            first_due: open.due,
            differences: rows.into_iter().map(|row| (row.kind, row.open)).collect(),
            held_unwanted: db::observe("SELECT abandoned_orders", unwanted.fetch_one(&self.pool)).await?,
        })
    }
}
