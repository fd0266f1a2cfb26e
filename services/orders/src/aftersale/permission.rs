//! What may be done with an order now. Pure.

use chrono::{DateTime, Days, Utc};
use shop_contracts::orders::{Order, OrderStatus, RETURN_DAYS};

/// The order with what would be accepted now.
pub fn shown(order: Order, now: DateTime<Utc>) -> Order {
    Order { can_cancel: can_cancel(&order), can_return: can_return(&order, now), ..order }
}

/// Paid and not on its way.
pub fn can_cancel(order: &Order) -> bool {
    order.status == OrderStatus::Confirmed && order.shipment.is_none()
}

/// Shipped, not longer than [`RETURN_DAYS`] ago placed, and something of it is not on its way back yet.
pub fn can_return(order: &Order, now: DateTime<Utc>) -> bool {
    order.status == OrderStatus::Confirmed
        && order.shipment.is_some()
        && is_in_return_time(order, now)
        && order.returnable().values().any(|pieces| *pieces > 0)
}

/// Whether pieces may still be sent back; the last day counts whole seconds from the order.
pub fn is_in_return_time(order: &Order, now: DateTime<Utc>) -> bool {
    let until = order.placed_at.checked_add_days(Days::new(RETURN_DAYS.unsigned_abs()));
    until.is_none_or(|until| now <= until)
}
