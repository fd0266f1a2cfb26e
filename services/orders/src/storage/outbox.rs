//! Events that wait for the relay.

use chrono::{DateTime, Utc};
use shop_contracts::Money;
use shop_contracts::events::{OrderEvent, OrderEventKind};
use shop_contracts::orders::Order;
use shop_instrumentation::{ids, streams};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::postgres::PgOrders;

/// An event and the trace that it belongs to.
#[derive(Debug, Clone)]
pub struct Event {
    pub event: OrderEvent,
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
            charges: order.charges.clone(),
            refund: None,
            shipment: order.shipment.clone().filter(|_| kind == OrderEventKind::Shipped),
            reason: order.reason.clone().filter(|_| kind == OrderEventKind::Failed),
        };
        Self { event, traceparent: current_traceparent() }
    }

    /// A return brings nothing back, for this reason.
    pub fn about_return(kind: OrderEventKind, order: &Order, reason: &str, now: DateTime<Utc>) -> Self {
        let mut event = Self::new(kind, order, now);
        event.event.reason = (!reason.is_empty()).then(|| reason.to_owned());
        event
    }

    /// Money was given back.
    pub fn refunded(order: &Order, amount: Money, now: DateTime<Utc>) -> Self {
        let mut event = Self::new(OrderEventKind::Refunded, order, now);
        event.event.refund = Some(amount);
        event
    }
}

/// The current span as `traceparent`.
pub fn current_traceparent() -> Option<String> {
    streams::inject_context().into_iter().find(|(name, _)| name == "traceparent").map(|(_, value)| value)
}

/// Adds an event to the caller's transaction; nothing for an order that no longer names anybody to tell.
pub async fn insert(tx: &mut PgConnection, event: &Event) -> Result<(), sqlx::Error> {
    if event.event.email.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO outbox (event_id, kind, payload, traceparent, created_at) VALUES ($1, $2, $3, $4, $5)",
        event.event.id,
        event.event.kind.as_str(),
        Json(&event.event) as _,
        event.traceparent,
        event.event.occurred_at
    )
    .execute(tx)
    .await
    .map(|_| ())
}

impl PgOrders {
    /// Adds an event outside of any change: what it tells is true already, and the event that told it is lost.
    pub async fn tell_again(&self, event: &Event) -> Result<(), sqlx::Error> {
        let mut connection = self.pool().acquire().await?;
        insert(&mut connection, event).await
    }
}
