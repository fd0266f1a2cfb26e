//! Events on the streams `orders.events` and `identity.events`.
//!
//! A stream entry has the fields `id` (the event's id: consumers drop repeats by it), `type`, `payload` (JSON of
//! [`OrderEvent`] or [`IdentityEvent`]) and the W3C trace context (`traceparent`, `tracestate`). Delivery is at least
//! once, in order for each order or account.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::charges::Charges;
use crate::orders::{OrderLine, Shipment};
use crate::{AccountId, Money, OrderId};

/// Name of the Redis stream of [`OrderEvent`].
pub const ORDERS_STREAM: &str = "orders.events";
/// Name of the Redis stream of [`IdentityEvent`].
pub const IDENTITY_STREAM: &str = "identity.events";
/// Every consumer group that reads a stream. A producer trims only behind what all of them have acknowledged.
pub const CONSUMER_GROUPS: [&str; 1] = ["notifications"];

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
    /// It came to nothing: out of stock, or no answer in time; `reason` says which.
    #[serde(rename = "order.failed")]
    Failed,
    /// Cancelled after it was confirmed; the money is given back.
    #[serde(rename = "order.cancelled")]
    Cancelled,
    /// The parcel is on its way.
    #[serde(rename = "order.shipped")]
    Shipped,
    /// The shopper sends pieces back.
    #[serde(rename = "order.return_requested")]
    ReturnRequested,
    /// Money was given back.
    #[serde(rename = "order.refunded")]
    Refunded,
    /// Staff refused a return.
    #[serde(rename = "order.return_refused")]
    ReturnRefused,
    /// The shopper keeps what was announced to come back.
    #[serde(rename = "order.return_withdrawn")]
    ReturnWithdrawn,
    /// A kind that this version does not know: acknowledged and left alone.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl OrderEventKind {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "order.placed",
            Self::Confirmed => "order.confirmed",
            Self::Declined => "order.declined",
            Self::Failed => "order.failed",
            Self::Cancelled => "order.cancelled",
            Self::Shipped => "order.shipped",
            Self::ReturnRequested => "order.return_requested",
            Self::Refunded => "order.refunded",
            Self::ReturnRefused => "order.return_refused",
            Self::ReturnWithdrawn => "order.return_withdrawn",
            Self::Unknown => "unknown",
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
    /// The money given back, for `order.refunded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Money>,
    /// The parcel, for `order.shipped`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    /// What the total is made of, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charges: Option<Charges>,
    /// Why, for `order.return_refused` (staff's words) and `order.failed` (`out_of_stock`, `stock_timeout`,
    /// `payment_timeout`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What happened to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentityEventKind {
    /// Somebody asked for a new password; `token` goes into the mail's link.
    #[serde(rename = "identity.password_reset_requested")]
    PasswordResetRequested,
    /// Somebody asked for a new password for an address that has no account: nobody is named, and nobody is told. It is
    /// there so that asking costs the same.
    #[serde(rename = "identity.password_reset_for_nobody")]
    PasswordResetForNobody,
    /// The password was changed.
    #[serde(rename = "identity.password_changed")]
    PasswordChanged,
    /// Somebody asked for an account; `token` goes into the link of the mail that confirms it.
    #[serde(rename = "identity.registration_requested")]
    RegistrationRequested,
    /// Somebody tried to register with an address that has an account: only its owner is told.
    #[serde(rename = "identity.already_registered")]
    AlreadyRegistered,
    /// An account was made.
    #[serde(rename = "identity.registered")]
    Registered,
    /// The account was deleted.
    #[serde(rename = "identity.deleted")]
    Deleted,
    /// A kind that this version does not know: acknowledged and left alone.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl IdentityEventKind {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordResetRequested => "identity.password_reset_requested",
            Self::PasswordResetForNobody => "identity.password_reset_for_nobody",
            Self::PasswordChanged => "identity.password_changed",
            Self::RegistrationRequested => "identity.registration_requested",
            Self::AlreadyRegistered => "identity.already_registered",
            Self::Registered => "identity.registered",
            Self::Deleted => "identity.deleted",
            Self::Unknown => "unknown",
        }
    }
}

/// One event about an account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityEvent {
    /// The event's own id.
    pub id: Uuid,
    /// What happened.
    pub kind: IdentityEventKind,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// The account.
    pub account_id: AccountId,
    /// Where mails go.
    pub email: String,
    /// The name to greet.
    pub name: String,
    /// The one-time secret of a password reset or of a registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl fmt::Debug for IdentityEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityEvent")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_a_later_version_is_read_as_unknown() {
        assert_eq!(
            serde_json::from_str::<OrderEventKind>("\"order.painted\"").unwrap(),
            OrderEventKind::Unknown
        );
        assert_eq!(
            serde_json::from_str::<IdentityEventKind>("\"identity.knighted\"").unwrap(),
            IdentityEventKind::Unknown
        );
    }
}
