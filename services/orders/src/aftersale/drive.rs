//! Drives one give-back from its written step to the end, or as far as the others answer.

use chrono::{DateTime, Utc};
use shop_contracts::OrderId;
use shop_contracts::orders::{Order, RefundStatus};
use uuid::Uuid;

use super::give_back::{GiveBack, GiveBackProgress, GiveBackStep};
use crate::ports::{NotNow, Settling};
use crate::saga::age::is_older;
use crate::saga::drive::{LEASE, in_time, pause};
use crate::saga::{Progress, Review, Saga};
use crate::storage::history::{Entry, SYSTEM};
use crate::storage::outbox::Event;

impl Saga {
    /// Goes on until it is at rest, somebody else moved it, a peer does not answer, or the process stops. Only the owner
    /// does, who knows its fence.
    pub async fn drive_give_back(&self, order: OrderId, id: Uuid, fence: i64) -> Result<(), sqlx::Error> {
        let Some(stored) = self.orders.find(order).await? else { return Ok(()) };
        let (order, progress) = (stored.order, stored.progress);
        let mine = |it: &GiveBack| it.id == id && it.fence == fence;
        let Some(mut it) = stored.give_backs.into_iter().find(mine) else { return Ok(()) };
        while it.progress.step != GiveBackStep::Done && it.progress.review.is_none() {
            if self.shutdown.is_cancelled() {
                return self.orders.postpone_give_back(&it, self.clock.now()).await;
            }
            let next = match in_time(self.take_back(progress, &it)).await {
                Ok(answer) => it.answered(answer),
                Err(NotNow(detail)) if is_older(it.since, self.clock.now(), self.ages.give_back) => {
                    tracing::error!(order_id = %order.id, step = it.progress.step.as_str(), detail, "giving back is too old");
                    it.waits(Review::Timeout)
                }
                Err(NotNow(detail)) => {
                    tracing::warn!(order_id = %order.id, step = it.progress.step.as_str(), detail, "giving back postponed");
                    let retry_at = self.clock.now() + pause(it.attempts);
                    return self.orders.postpone_give_back(&it, retry_at).await;
                }
            };
            let now = self.clock.now();
            let (event, entry) = told(&order, &it, next, now);
            let told = (event.as_ref(), entry.as_ref());
            let moved = it.moved_to(next, now);
            if !self.orders.advance_give_back(order.id, &it, &moved, told, now + LEASE).await? {
                tracing::info!(order_id = %order.id, "giving back was moved by somebody else");
                return Ok(());
            }
            it = moved;
        }
        Ok(())
    }

    async fn take_back(&self, checkout: Progress, it: &GiveBack) -> Result<Settling, NotNow> {
        // An order without them was not written by this program.
        let missing = || NotNow("the order's row lacks what its step needs".to_owned());
        let authorisation = || checkout.authorisation.ok_or_else(missing);
        let reservation = || checkout.reservation.ok_or_else(missing);
        let reason = it.reason.as_str();
        match it.progress.step {
            GiveBackStep::Void => self.payments.void(authorisation()?).await,
            GiveBackStep::Refund => {
                self.payments.refund(authorisation()?, it.amount, reason, &it.payment_key()).await
            }
            GiveBackStep::Unreserve => self.stock.release(reservation()?).await,
            GiveBackStep::Restock => {
                self.stock.restock(reservation()?, &it.restock, reason, &it.id.to_string()).await
            }
            GiveBackStep::Done => Ok(Settling::Done),
        }
    }
}

/// The event and the line of history that a move is worth.
fn told(
    order: &Order,
    it: &GiveBack,
    next: GiveBackProgress,
    now: DateTime<Utc>,
) -> (Option<Event>, Option<Entry>) {
    let entry = |action, detail| Entry { at: now, actor: SYSTEM.to_owned(), action, detail };
    if let Some(review) = next.review {
        let detail = format!("{}_{}", it.progress.step.as_str(), review.as_str());
        tracing::error!(order_id = %order.id, reason = detail, "giving back needs a person");
        return (None, Some(entry("manual_review", detail)));
    }
    let paid_back = it.progress.money != RefundStatus::Refunded && next.money == RefundStatus::Refunded;
    if !paid_back || it.amount.amount_minor == 0 {
        return (None, None);
    }
    if it.lets_go(next) {
        let detail = format!("the hold of {} was let go of", it.amount);
        return (None, Some(entry("voided", detail)));
    }
    let detail = format!("{}: {}", it.amount, it.reason.as_str());
    (Some(Event::refunded(order, it.amount, now)), Some(entry("refunded", detail)))
}
