//! Changes of an order after its checkout: decided while its row is locked, written in the same transaction together
//! with the history and the event.

use chrono::{DateTime, Utc};
use shop_contracts::OrderId;
use shop_contracts::orders::Shipment;
use shop_instrumentation::{Code, Problem, db};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::give_backs;
use super::history::{self, Entry};
use super::load;
use super::outbox::{self, Event};
use super::postgres::{PgOrders, Stored};
use super::rows::{COLUMNS, StoredReturn};
use crate::aftersale::give_back::GiveBack;

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
    /// Begins, owned by whoever asked until the lease ends.
    pub give_back: Option<(GiveBack, DateTime<Utc>)>,
    /// Taken up again where they stand.
    pub retried: Vec<GiveBack>,
    pub event: Option<Event>,
}

/// What becomes of the order's saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// As it was.
    Unchanged,
    /// Ended as cancelled.
    Cancelled,
    /// Out of review: its step is tried again, with a fresh age.
    Retried,
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
            give_back: None,
            retried: Vec::new(),
            event: None,
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
        let sql = format!("SELECT {COLUMNS} FROM orders WHERE id = $1 FOR UPDATE");
        db::observe_as("UPDATE orders", async {
            let mut tx = self.pool().begin().await?;
            let row = sqlx::query(AssertSqlSafe(sql)).bind(id.uuid()).fetch_optional(&mut *tx).await?;
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
            let sql = "UPDATE orders SET status = 'cancelled', step = 'done', review = NULL, updated_at = $2, \
                       fence = fence + 1, payment_token = '' WHERE id = $1";
            sqlx::query(sql).bind(id.uuid()).bind(change.now).execute(&mut *tx).await?;
        }
        Fate::Retried => {
            let sql = "UPDATE orders SET status = 'pending', review = NULL, updated_at = $2, lease_until = $2, \
                       attempts = 0, fence = fence + 1 WHERE id = $1";
            sqlx::query(sql).bind(id.uuid()).bind(change.now).execute(&mut *tx).await?;
        }
    }
    if let Some(shipment) = &change.shipment {
        let sql = "UPDATE orders SET carrier = $2, tracking_number = $3, shipped_at = $4 WHERE id = $1";
        let query = sqlx::query(sql).bind(id.uuid()).bind(&shipment.carrier).bind(&shipment.tracking_number);
        query.bind(shipment.shipped_at).execute(&mut *tx).await?;
    }
    if let Some(new) = &change.new_return {
        insert_return(tx, id, new).await?;
    }
    if let Some(received) = change.received {
        let sql = "UPDATE order_returns SET status = 'received' WHERE id = $1 AND order_id = $2";
        sqlx::query(sql).bind(received).bind(id.uuid()).execute(&mut *tx).await?;
    }
    if let Some((new, lease_until)) = &change.give_back {
        give_backs::insert(tx, id, new, *lease_until).await?;
    }
    for retried in &change.retried {
        give_backs::retry(tx, retried, change.now).await?;
    }
    if let Some(event) = &change.event {
        outbox::insert(tx, event).await?;
    }
    history::insert(tx, id, &change.entry).await
}

async fn insert_return(tx: &mut PgConnection, id: OrderId, new: &StoredReturn) -> Result<(), sqlx::Error> {
    let lines = serde_json::to_value(&new.value.lines).map_err(|e| sqlx::Error::Encode(e.into()))?;
    sqlx::query(
        "INSERT INTO order_returns (id, order_id, idempotency_key, request_hash, lines, reason, status, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 'requested', $7)",
    )
    .bind(new.value.id)
    .bind(id.uuid())
    .bind(&new.key)
    .bind(&new.request_hash)
    .bind(lines)
    .bind(&new.value.reason)
    .bind(new.value.created_at)
    .execute(tx)
    .await
    .map(|_| ())
}
