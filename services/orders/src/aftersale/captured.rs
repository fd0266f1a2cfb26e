//! What is known to have been taken for an order. Pure.

use shop_contracts::Money;
use shop_contracts::orders::{Order, OrderStatus, RefundStatus};

use super::give_back::GiveBack;

/// All of it for an order that was confirmed. For a checkout that a person walked back only once money came back through
/// a refund: before that nobody knows, and a hold that was let go of was never taken.
pub fn captured(order: &Order, give_backs: &[GiveBack]) -> Money {
    let walked_back = give_backs.iter().find(|it| it.unwind);
    let is_taken = match (order.status, walked_back) {
        (OrderStatus::Confirmed, _) | (OrderStatus::Cancelled, None) => true,
        (OrderStatus::Cancelled, Some(it)) => {
            it.progress.money == RefundStatus::Refunded && it.amount.amount_minor > 0
        }
        _ => false,
    };
    Money::new(if is_taken { order.total.amount_minor } else { 0 }, order.total.currency)
}

/// Whether the order, or something that goes back for it, waits for a person.
pub fn needs_person(order: &Order, give_backs: &[GiveBack]) -> bool {
    order.status == OrderStatus::ManualReview || give_backs.iter().any(|it| it.progress.review.is_some())
}
