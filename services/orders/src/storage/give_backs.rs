//! The table `give_backs`: money and pieces that go back.

use chrono::{DateTime, Utc};
use shop_contracts::OrderId;
use shop_instrumentation::db;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::history::{self, Entry};
use super::named::refund_status_name;
use super::outbox::{self, Event};
use super::postgres::PgOrders;
use crate::aftersale::give_back::{ByHand, GiveBack};

/// Adds one to the caller's transaction.
pub async fn insert(
    tx: &mut PgConnection,
    order: OrderId,
    new: &GiveBack,
    lease_until: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO give_backs (id, order_id, idempotency_key, request_hash, reason, amount_minor, restock, unwind, \
         step, status, lease_until, traceparent, created_at, updated_at, tax_minor) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14)",
        new.id,
        order.uuid(),
        new.key,
        new.request_hash,
        new.reason.as_str(),
        new.amount.amount_minor,
        Json(&new.restock) as _,
        new.unwind,
        new.progress.step.as_str(),
        refund_status_name(new.progress.money),
        lease_until,
        new.traceparent,
        new.created_at,
        new.tax.map(|tax| tax.amount_minor)
    )
    .execute(tx)
    .await
    .map(|_| ())
}

/// Takes one up again as it goes on, in the caller's transaction; it belongs to the caller, by its fence, until
/// `lease_until`.
pub async fn resume(
    tx: &mut PgConnection,
    it: &GiveBack,
    by_hand: ByHand,
    lease_until: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let to = it.progress;
    sqlx::query!(
        "UPDATE give_backs SET review = NULL, step = $2, status = $3, round = $4, attempts = 0, fence = $5, \
         lease_until = $6, updated_at = $7, amount_minor = $8, tax_minor = $9, \
         money_by_hand_at = CASE WHEN $10::boolean THEN $7 ELSE money_by_hand_at END, \
         pieces_by_hand_at = CASE WHEN $11::boolean THEN $7 ELSE pieces_by_hand_at END WHERE id = $1",
        it.id,
        to.step.as_str(),
        refund_status_name(to.money),
        to.round,
        it.fence,
        lease_until,
        it.since,
        it.amount.amount_minor,
        it.tax.map(|tax| tax.amount_minor),
        by_hand == ByHand::Money,
        by_hand == ByHand::Pieces
    )
    .execute(tx)
    .await
    .map(|_| ())
}

/// A give-back that is the caller's until its lease ends.
#[derive(Debug, Clone)]
pub struct ClaimedGiveBack {
    pub order: OrderId,
    pub id: Uuid,
    /// Whoever knows it may write.
    pub fence: i64,
    /// The trace that asked for it.
    pub traceparent: Option<String>,
}

impl PgOrders {
    /// Takes give-backs that nobody works on, at most `limit`, until `lease_until`.
    pub async fn claim_give_backs(
        &self,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<ClaimedGiveBack>, sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE give_backs SET lease_until = $2, attempts = attempts + 1, fence = fence + 1 WHERE id IN \
             (SELECT id FROM give_backs WHERE step <> 'done' AND review IS NULL AND lease_until <= $1 \
              ORDER BY lease_until LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING order_id, id, fence, traceparent",
            now,
            lease_until,
            limit
        );
        let rows = db::observe("UPDATE give_backs", query.fetch_all(self.pool())).await?;
        let claimed = rows.into_iter().map(|row| ClaimedGiveBack {
            order: OrderId::new(row.order_id),
            id: row.id,
            fence: row.fence,
            traceparent: row.traceparent,
        });
        Ok(claimed.collect())
    }

    /// Writes where a give-back stands, and what the world must know of it. `false` when it has another owner by now.
    pub async fn advance_give_back(
        &self,
        order: OrderId,
        from: &GiveBack,
        to: &GiveBack,
        told: (Option<&Event>, Option<&Entry>),
        lease_until: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        db::observe("UPDATE give_backs", async {
            let mut tx = self.pool().begin().await?;
            let moved = sqlx::query!(
                "UPDATE give_backs SET step = $3, status = $4, review = $5, updated_at = $6, lease_until = $7, \
                 attempts = 0, amount_minor = $9, tax_minor = $10 \
                 WHERE id = $1 AND step = $2 AND review IS NULL AND fence = $8",
                from.id,
                from.progress.step.as_str(),
                to.progress.step.as_str(),
                refund_status_name(to.progress.money),
                to.progress.review.map(|r| r.as_str()),
                to.since,
                lease_until,
                from.fence,
                to.amount.amount_minor,
                to.tax.map(|tax| tax.amount_minor)
            )
            .execute(&mut *tx)
            .await?;
            if moved.rows_affected() == 0 {
                return Ok(false);
            }
            if let Some(event) = told.0 {
                outbox::insert(&mut tx, event).await?;
            }
            if let Some(entry) = told.1 {
                history::insert(&mut tx, &[order.uuid()], entry).await?;
            }
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Lets go of a give-back until `retry_at`, unless it has another owner by now.
    pub async fn postpone_give_back(
        &self,
        at: &GiveBack,
        retry_at: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "UPDATE give_backs SET lease_until = $2 WHERE id = $1 AND fence = $3",
            at.id,
            retry_at,
            at.fence
        );
        db::observe("UPDATE give_backs", query.execute(self.pool())).await.map(|_| ())
    }
}
