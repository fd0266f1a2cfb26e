//! What may be done with an order now. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, Utc};
use shop_contracts::orders::{Order, OrderStatus, RETURN_DAYS, RefundStatus};
use shop_contracts::{Money, ProductId};

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
        && returnable(order).values().any(|pieces| *pieces > 0)
}

/// Whether pieces may still be sent back; the last day counts whole seconds from the order.
pub fn is_in_return_time(order: &Order, now: DateTime<Utc>) -> bool {
    let until = order.placed_at.checked_add_days(Days::new(RETURN_DAYS.unsigned_abs()));
    until.is_none_or(|until| now <= until)
}

/// Pieces of each product that were ordered and not yet sent back.
pub fn returnable(order: &Order) -> BTreeMap<ProductId, u32> {
    let mut pieces: BTreeMap<ProductId, u32> = BTreeMap::new();
    for line in &order.lines {
        *pieces.entry(line.product_id).or_default() += line.quantity;
    }
    for line in order.returns.iter().flat_map(|r| &r.lines) {
        let left = pieces.entry(line.product_id).or_default();
        *left = left.saturating_sub(line.quantity);
    }
    pieces
}

/// What was taken and neither given back nor on its way back. A refund that failed gave nothing back.
pub fn refundable(order: &Order) -> Money {
    let given: i64 = order
        .refunds
        .iter()
        .filter(|r| r.status != RefundStatus::Failed)
        .map(|r| r.amount.amount_minor)
        .sum();
    Money::new((order.total.amount_minor - given).max(0), order.total.currency)
}
