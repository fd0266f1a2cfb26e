//! Cancelling a paid order before it is shipped: from that moment it cannot be shipped any more, the money is refunded,
//! the pieces go back on sale.

use shop_contracts::OrderId;
use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{CancelOrder, Order, OrderStatus, ReturnLine};
use shop_instrumentation::{Code, Problem, ids};

use super::give_back::{FIRST_FENCE, GiveBack, GiveBackReason};
use super::text::{Empty, MAX_WORDS_BYTES, actor_or_shopper, text};
use super::{AfterSale, permission, tax};
use crate::saga::drive::LEASE;
use crate::storage::change::{Change, Fate};
use crate::storage::history::Entry;
use crate::storage::outbox::{self, Event};
use crate::storage::postgres::Stored;

impl AfterSale {
    /// Cancels an order. Doing it again changes nothing.
    pub async fn cancel(&self, id: OrderId, request: &CancelOrder) -> Result<Order, Problem> {
        let actor = actor_or_shopper(&request.actor)?;
        let detail = text("reason", &request.reason, MAX_WORDS_BYTES, Empty::Allowed)?;
        let now = self.saga.clock.now();
        let give_back_id = ids::new_id();
        let mut is_new = false;
        let entry = Entry { at: now, actor, action: "cancelled", detail };
        self.saga
            .orders
            .change(id, |stored| {
                let order = &stored.order;
                if order.status == OrderStatus::Cancelled {
                    return Ok(None);
                }
                if !permission::can_cancel(order) {
                    return Err(Problem::new(Code::Conflict, refusal(order)));
                }
                is_new = true;
                let mut change = Change::new(now, entry);
                change.fate = Fate::Cancelled;
                let give_back = whole_order(stored, give_back_id, now);
                change.give_back = Some((give_back, now + LEASE));
                change.event = Some(Event::new(OrderEventKind::Cancelled, order, now));
                Ok(Some(change))
            })
            .await?;
        if is_new { self.driven(id, give_back_id, FIRST_FENCE).await } else { self.get(id).await }
    }
}

fn refusal(order: &Order) -> &'static str {
    match order.status {
        OrderStatus::Pending => "the order is still being worked on; try again when that has ended",
        OrderStatus::ManualReview => "somebody is looking at the order",
        OrderStatus::Declined | OrderStatus::Rejected => {
            "nothing came of the order; there is nothing to cancel"
        }
        OrderStatus::Confirmed | OrderStatus::Cancelled => {
            "the order was shipped; its pieces can be sent back"
        }
    }
}

/// What is left of the money, and all pieces.
fn whole_order(stored: &Stored, id: uuid::Uuid, now: chrono::DateTime<chrono::Utc>) -> GiveBack {
    let amount = stored.order.refundable();
    let restock = all_pieces(&stored.order);
    GiveBack {
        id,
        // An order is cancelled once.
        key: "cancel".to_owned(),
        request_hash: Vec::new(),
        reason: GiveBackReason::Cancelled,
        amount,
        tax: tax::contained_in(&stored.order, amount),
        progress: GiveBack::start(amount, &restock),
        restock,
        unwind: false,
        attempts: 0,
        fence: FIRST_FENCE,
        traceparent: outbox::current_traceparent(),
        created_at: now,
        since: now,
    }
}

/// Every piece that was ordered and not sent back, by product.
pub fn all_pieces(order: &Order) -> Vec<ReturnLine> {
    order
        .returnable()
        .into_iter()
        .filter(|(_, quantity)| *quantity > 0)
        .map(|(product_id, quantity)| ReturnLine { product_id, quantity })
        .collect()
}
