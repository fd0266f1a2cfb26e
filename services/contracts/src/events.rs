//! Events on the stream `orders.events`.
//!
//! A stream entry has the fields `id` (the event's id: consumers drop repeats by it), `type`, `payload` (JSON of
//! [`OrderEvent`]) and the W3C trace context (`traceparent`, `tracestate`). Delivery is at least once, in order for
//! each order.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::orders::OrderLine;
use crate::{AccountId, Money, OrderId};

/// Name of the Redis stream.
pub const ORDERS_STREAM: &str = "orders.events";

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderEventKind {
    /// Accepted and being worked on.
    #[serde(rename = "order.placed")]
    Placed,
    /// Paid, and the stock is its.
    #[serde(rename = "order.confirmed")]
    Confirmed,
    /// The payment was declined.
    #[serde(rename = "order.declined")]
    Declined,
    /// It cannot be fulfilled (out of stock).
    #[serde(rename = "order.failed")]
    Failed,
}

impl OrderEventKind {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "order.placed",
            Self::Confirmed => "order.confirmed",
            Self::Declined => "order.declined",
            Self::Failed => "order.failed",
        }
    }
}

/// One event with everything that a mail needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// The event's own id.
    pub id: Uuid,
    /// What happened.
    pub kind: OrderEventKind,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// The order.
    pub order_id: OrderId,
    /// Its number as shoppers see it.
    pub number: String,
    /// Whose it is, unless a guest's.
    pub account_id: Option<AccountId>,
    /// Where mails go.
    pub email: String,
    /// The name to greet.
    pub name: String,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// What it costs.
    pub total: Money,
}
