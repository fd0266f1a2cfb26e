//! Events that wait for the relay.

use chrono::{DateTime, Utc};
use shop_contracts::events::{OrderEvent, OrderEventKind};
use shop_contracts::orders::Order;
use shop_instrumentation::{ids, streams};
use sqlx::{PgConnection, Row as _};

/// An event and the trace that it belongs to.
#[derive(Debug, Clone)]
pub struct Event {
    pub event: OrderEvent,
    pub traceparent: Option<String>,
}

/// What the relay sends.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub seq: i64,
    pub event_id: uuid::Uuid,
    pub kind: String,
    pub payload: String,
    pub traceparent: Option<String>,
}

impl Event {
    /// An event about an order, in the current trace.
    pub fn new(kind: OrderEventKind, order: &Order, now: DateTime<Utc>) -> Self {
        let event = OrderEvent {
            id: ids::new_id(),
            kind,
            occurred_at: now,
            order_id: order.id,
            number: order.number.clone(),
            account_id: order.account_id,
            email: order.email.clone(),
            name: order.ship_to.name.clone(),
            lines: order.lines.clone(),
            total: order.total,
            refund: None,
            shipment: None,
        };
        Self { event, traceparent: current_traceparent() }
    }
}

/// The current span as `traceparent`.
pub fn current_traceparent() -> Option<String> {
    streams::inject_context().into_iter().find(|(name, _)| name == "traceparent").map(|(_, value)| value)
}

/// Adds an event to the caller's transaction.
pub async fn insert(tx: &mut PgConnection, event: &Event) -> Result<(), sqlx::Error> {
    let payload = serde_json::to_value(&event.event).map_err(|e| sqlx::Error::Encode(e.into()))?;
    sqlx::query(
        "INSERT INTO outbox (event_id, kind, payload, traceparent, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(event.event.id)
    .bind(event.event.kind.as_str())
    .bind(payload)
    .bind(&event.traceparent)
    .bind(event.event.occurred_at)
    .execute(tx)
    .await
    .map(|_| ())
}

/// Makes this transaction the only relay until it ends: events leave in the order in which they were written.
/// `false` when another instance is relaying.
pub async fn lock(tx: &mut PgConnection) -> Result<bool, sqlx::Error> {
    /// "outbox" in ASCII: any number that nothing else in this database locks.
    const RELAY_LOCK: i64 = 0x6f75_7462_6f78;
    sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(RELAY_LOCK).fetch_one(tx).await
}

/// The oldest events.
pub async fn oldest(tx: &mut PgConnection, limit: i64) -> Result<Vec<Waiting>, sqlx::Error> {
    let query = sqlx::query(
        "SELECT seq, event_id, kind, payload::text AS payload, traceparent FROM outbox ORDER BY seq LIMIT $1",
    );
    let rows = query.bind(limit).fetch_all(tx).await?;
    rows.iter()
        .map(|row| {
            Ok(Waiting {
                seq: row.try_get("seq")?,
                event_id: row.try_get("event_id")?,
                kind: row.try_get("kind")?,
                payload: row.try_get("payload")?,
                traceparent: row.try_get("traceparent")?,
            })
        })
        .collect()
}

/// Removes events that were sent.
pub async fn remove(tx: &mut PgConnection, seqs: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM outbox WHERE seq = ANY ($1)").bind(seqs).execute(tx).await.map(|_| ())
}

/// How many events wait, and since when the oldest.
pub async fn backlog(db: &sqlx::PgPool) -> Result<(i64, Option<DateTime<Utc>>), sqlx::Error> {
    let row = sqlx::query("SELECT count(*) AS pending, min(created_at) AS oldest FROM outbox")
        .fetch_one(db)
        .await?;
    Ok((row.try_get("pending")?, row.try_get("oldest")?))
}
