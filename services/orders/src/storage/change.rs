//! Changes of an order after its checkout: decided while its row is locked, written in the same transaction together
//! with the history and the event.

use chrono::{DateTime, Utc};
use shop_contracts::OrderId;
use shop_contracts::orders::{ReturnClosed, Shipment};
use shop_instrumentation::{Code, Problem, db};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::give_backs;
use super::history::{self, Entry};
use super::load;
use super::outbox::{self, Event};
use super::postgres::{PgOrders, Stored};
use super::rows::{StoredReturn, order_rows};
use crate::aftersale::give_back::{ByHand, GiveBack};
use crate::saga::Progress;

/// What changes. Everything that is not named stays.
#[derive(Debug)]
pub struct Change {
    pub now: DateTime<Utc>,
    pub entry: Entry,
    pub fate: Fate,
    pub shipment: Option<Shipment>,
    pub new_return: Option<StoredReturn>,
    /// A return whose pieces are back.
    pub received: Option<Uuid>,
    /// A return that brings nothing back.
    pub closed: Option<(Uuid, ReturnClosed)>,
    /// Begins, owned by whoever asked until the lease ends.
    pub give_back: Option<(GiveBack, DateTime<Utc>)>,
    /// Taken up again where they stand, owned by whoever asked until the lease ends.
    pub resumed: Vec<(GiveBack, ByHand, DateTime<Utc>)>,
    pub event: Option<Event>,
    /// How the order ended, if it did: a second line of history.
    pub ending: Option<Entry>,
}

/// What becomes of the order's saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// As it was.
    Unchanged,
    /// Ended as cancelled.
    Cancelled,
    /// Out of review: it goes on from there, with a fresh age, owned by whoever asked until the lease ends.
    Resumed(Progress, DateTime<Utc>),
}

impl Change {
    /// Only a line of history so far.
    pub fn new(now: DateTime<Utc>, entry: Entry) -> Self {
        Self {
            now,
            entry,
            fate: Fate::Unchanged,
            shipment: None,
            new_return: None,
            received: None,
            closed: None,
            give_back: None,
            resumed: Vec::new(),
            event: None,
            ending: None,
        }
    }
}

impl PgOrders {
    /// Locks an order, asks `decide` what changes, and writes that. Nothing is written when it refuses, or says that
    /// everything is as wanted already (`None`).
    pub async fn change(
        &self,
        id: OrderId,
        decide: impl FnOnce(&Stored) -> Result<Option<Change>, Problem> + Send,
    ) -> Result<(), Problem> {
        let query = order_rows!("SELECT ", " FROM orders WHERE id = $1 FOR UPDATE", id.uuid());
        db::observe_as("UPDATE orders", async {
            let mut tx = self.pool().begin().await?;
            let row = query.fetch_optional(&mut *tx).await?;
            let stored = load::whole(&mut tx, row.into_iter().collect()).await?.pop();
            let stored = stored.ok_or_else(|| Problem::new(Code::NotFound, "no such order"))?;
            let Some(change) = decide(&stored)? else { return Ok(()) };
            write(&mut tx, id, &change).await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }
}

async fn write(tx: &mut PgConnection, id: OrderId, change: &Change) -> Result<(), sqlx::Error> {
    match change.fate {
        Fate::Unchanged => {}
        Fate::Cancelled => {
            let query = sqlx::query!(
                "UPDATE orders SET status = 'cancelled', step = 'done', review = NULL, updated_at = $2, \
                 fence = fence + 1, payment_token = '' WHERE id = $1",
                id.uuid(),
                change.now
            );
            query.execute(&mut *tx).await?;
        }
        Fate::Resumed(to, lease_until) => {
            let query = sqlx::query!(
                "UPDATE orders SET status = $3, step = $4, review = NULL, updated_at = $2, lease_until = $5, \
                 attempts = 0, fence = fence + 1 WHERE id = $1",
                id.uuid(),
                change.now,
                to.status().as_str(),
                to.step.as_str(),
                lease_until
            );
            query.execute(&mut *tx).await?;
        }
    }
    if let Some(shipment) = &change.shipment {
        let query = sqlx::query!(
            "UPDATE orders SET carrier = $2, tracking_number = $3, shipped_at = $4 WHERE id = $1",
            id.uuid(),
            shipment.carrier,
            shipment.tracking_number,
            shipment.shipped_at
        );
        query.execute(&mut *tx).await?;
    }
    if let Some(new) = &change.new_return {
        insert_return(tx, id, new).await?;
    }
    if let Some(received) = change.received {
        let query = sqlx::query!(
            "UPDATE order_returns SET status = 'received' WHERE id = $1 AND order_id = $2",
            received,
            id.uuid()
        );
        query.execute(&mut *tx).await?;
    }
    if let Some((closed, as_what)) = &change.closed {
        let query = sqlx::query!(
            "UPDATE order_returns SET closed_as = $3, closed_reason = $4, closed_at = $5 \
             WHERE id = $1 AND order_id = $2",
            closed,
            id.uuid(),
            as_what.end.as_str(),
            as_what.reason,
            as_what.at
        );
        query.execute(&mut *tx).await?;
    }
    if let Some((new, lease_until)) = &change.give_back {
        give_backs::insert(tx, id, new, *lease_until).await?;
    }
    for (it, by_hand, lease_until) in &change.resumed {
        give_backs::resume(tx, it, *by_hand, *lease_until).await?;
    }
    if let Some(event) = &change.event {
        outbox::insert(tx, event).await?;
    }
    history::insert(tx, &[id.uuid()], &change.entry).await?;
    match &change.ending {
        Some(entry) => history::insert(tx, &[id.uuid()], entry).await,
        None => Ok(()),
    }
}

async fn insert_return(tx: &mut PgConnection, id: OrderId, new: &StoredReturn) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO order_returns (id, order_id, idempotency_key, request_hash, lines, reason, status, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 'requested', $7)",
        new.value.id,
        id.uuid(),
        new.key,
        new.request_hash,
        Json(&new.value.lines) as _,
        new.value.reason,
        new.value.created_at
    )
    .execute(tx)
    .await
    .map(|_| ())
}
