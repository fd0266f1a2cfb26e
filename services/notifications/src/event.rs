//! What happened, from either stream, and which mail tells of it.

use chrono::{DateTime, TimeDelta, Utc};
use shop_contracts::OrderId;
use shop_contracts::events::{
    IDENTITY_STREAM, IdentityEvent, IdentityEventKind, ORDERS_STREAM, OrderEvent, OrderEventKind,
};
use uuid::Uuid;

/// A stream that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Orders,
    Identity,
}

/// An event of either stream. Not printable: it holds addresses and one-time secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    Order(OrderEvent),
    Account(IdentityEvent),
}

/// What a mail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    OrderConfirmed,
    OrderDeclined,
    OrderFailed,
    OrderCancelled,
    OrderShipped,
    ReturnRequested,
    OrderRefunded,
    ReturnRefused,
    ReturnWithdrawn,
    ConfirmRegistration,
    Registered,
    AlreadyRegistered,
    PasswordReset,
    PasswordChanged,
    AccountDeleted,
}

impl Topic {
    /// Name of the stream.
    pub const fn stream(self) -> &'static str {
        match self {
            Self::Orders => ORDERS_STREAM,
            Self::Identity => IDENTITY_STREAM,
        }
    }

    /// Where its events go that no try could handle.
    pub const fn dead_stream(self) -> &'static str {
        match self {
            Self::Orders => "orders.events.dead",
            Self::Identity => "identity.events.dead",
        }
    }

    /// Reads a payload.
    pub fn parse(self, payload: &str) -> Result<Event, serde_json::Error> {
        match self {
            Self::Orders => serde_json::from_str(payload).map(Event::Order),
            Self::Identity => serde_json::from_str(payload).map(Event::Account),
        }
    }

    /// The mail about an event of this `type`, which can be read when the payload cannot.
    pub fn mail_about(self, name: &str) -> Option<MailKind> {
        match self {
            Self::Orders => of_order(serde_json::from_value(name.into()).ok()?),
            Self::Identity => of_account(serde_json::from_value(name.into()).ok()?),
        }
    }
}

impl Event {
    /// The event's own id.
    pub const fn id(&self) -> Uuid {
        match self {
            Self::Order(event) => event.id,
            Self::Account(event) => event.id,
        }
    }

    pub const fn occurred_at(&self) -> DateTime<Utc> {
        match self {
            Self::Order(event) => event.occurred_at,
            Self::Account(event) => event.occurred_at,
        }
    }

    /// Where its mail goes.
    pub fn email(&self) -> &str {
        match self {
            Self::Order(event) => &event.email,
            Self::Account(event) => &event.email,
        }
    }

    /// The name to greet, where whoever typed it has proved that the address is theirs: an account exists once its owner
    /// has confirmed it. Whoever orders, or asks for an account, may have typed anybody's address, and any sentence as the
    /// name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Order(_) => None,
            Self::Account(event) => match event.kind {
                IdentityEventKind::RegistrationRequested => None,
                _ => Some(&event.name),
            },
        }
    }

    /// The order that it is about.
    pub const fn order(&self) -> Option<OrderId> {
        match self {
            Self::Order(event) => Some(event.order_id),
            Self::Account(_) => None,
        }
    }

    /// The mail about it; there is none about an order that was only placed.
    pub const fn mail(&self) -> Option<MailKind> {
        match self {
            Self::Order(event) => of_order(event.kind),
            Self::Account(event) => of_account(event.kind),
        }
    }
}

const fn of_order(kind: OrderEventKind) -> Option<MailKind> {
    match kind {
        OrderEventKind::Placed | OrderEventKind::Unknown => None,
        OrderEventKind::Confirmed => Some(MailKind::OrderConfirmed),
        OrderEventKind::Declined => Some(MailKind::OrderDeclined),
        OrderEventKind::Failed => Some(MailKind::OrderFailed),
        OrderEventKind::Cancelled => Some(MailKind::OrderCancelled),
        OrderEventKind::Shipped => Some(MailKind::OrderShipped),
        OrderEventKind::ReturnRequested => Some(MailKind::ReturnRequested),
        OrderEventKind::Refunded => Some(MailKind::OrderRefunded),
        OrderEventKind::ReturnRefused => Some(MailKind::ReturnRefused),
        OrderEventKind::ReturnWithdrawn => Some(MailKind::ReturnWithdrawn),
    }
}

const fn of_account(kind: IdentityEventKind) -> Option<MailKind> {
    match kind {
        IdentityEventKind::PasswordResetForNobody | IdentityEventKind::Unknown => None,
        IdentityEventKind::RegistrationRequested => Some(MailKind::ConfirmRegistration),
        IdentityEventKind::Registered => Some(MailKind::Registered),
        IdentityEventKind::AlreadyRegistered => Some(MailKind::AlreadyRegistered),
        IdentityEventKind::PasswordResetRequested => Some(MailKind::PasswordReset),
        IdentityEventKind::PasswordChanged => Some(MailKind::PasswordChanged),
        IdentityEventKind::Deleted => Some(MailKind::AccountDeleted),
    }
}

impl MailKind {
    /// Its name in metrics and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderConfirmed => "order_confirmed",
            Self::OrderDeclined => "order_declined",
            Self::OrderFailed => "order_failed",
            Self::OrderCancelled => "order_cancelled",
            Self::OrderShipped => "order_shipped",
            Self::ReturnRequested => "return_requested",
            Self::OrderRefunded => "order_refunded",
            Self::ReturnRefused => "return_refused",
            Self::ReturnWithdrawn => "return_withdrawn",
            Self::ConfirmRegistration => "confirm_registration",
            Self::Registered => "registered",
            Self::AlreadyRegistered => "already_registered",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::AccountDeleted => "account_deleted",
        }
    }

    /// How long after its event a mail still says something. A reset's link works for an hour, a registration's for a day.
    pub const fn worth_sending_for(self) -> TimeDelta {
        match self {
            Self::PasswordReset => TimeDelta::hours(1),
            Self::ConfirmRegistration => TimeDelta::days(1),
            _ => TimeDelta::days(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_not_known_makes_no_mail() {
        assert_eq!(Topic::Orders.mail_about("order.shipped"), Some(MailKind::OrderShipped));
        assert_eq!(Topic::Orders.mail_about("order.placed"), None);
        assert_eq!(Topic::Orders.mail_about("order.painted"), None);
        assert_eq!(Topic::Identity.mail_about("identity.deleted"), Some(MailKind::AccountDeleted));
        assert_eq!(Topic::Identity.mail_about("order.shipped"), None);
    }

    #[test]
    fn this_group_is_one_of_those_that_producers_wait_for() {
        assert!(shop_contracts::events::CONSUMER_GROUPS.contains(&crate::event_stream::GROUP));
    }
}
