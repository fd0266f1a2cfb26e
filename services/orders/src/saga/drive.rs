//! Drives one order from its written step to the end, or as far as the others answer.

use std::sync::Arc;
use std::time::Duration;

use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{Order, OrderStatus};
use shop_instrumentation::clock::SharedClock;

use super::step::{Progress, Step};
use crate::ports::{NotNow, PaymentGateway, Stock};
use crate::storage::outbox::Event;
use crate::storage::postgres::{PgOrders, Stored};
use crate::telemetry::OrderMetrics;

/// How long an order belongs to whoever took it. Longer than a step can take with all its retries; a killed instance's
/// orders are picked up after it.
pub const LEASE: Duration = Duration::from_secs(15);
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Everything that a step needs.
#[derive(Clone)]
pub struct Saga {
    pub orders: PgOrders,
    pub stock: Arc<dyn Stock>,
    pub payments: Arc<dyn PaymentGateway>,
    pub metrics: OrderMetrics,
    pub clock: SharedClock,
}

impl Saga {
    /// Goes on until the order is final, somebody else moved it, or a peer does not answer: then it stays pending and
    /// is taken up again later. Answers the order as it stands.
    pub async fn drive(&self, stored: Stored) -> Result<Order, sqlx::Error> {
        let Stored { mut order, mut progress, payment_token, attempts, .. } = stored;
        while progress.step != Step::Done {
            let next = match self.take(&order, progress, &payment_token).await {
                Ok(next) => next,
                Err(NotNow(detail)) => {
                    let retry_at = self.clock.now() + backoff(attempts);
                    tracing::warn!(order_id = %order.id, step = progress.step.as_str(), detail, "step postponed");
                    self.orders.postpone(order.id, progress, retry_at).await?;
                    return Ok(order);
                }
            };
            let now = self.clock.now();
            order.status = next.status();
            let event = ending(order.status).map(|kind| Event::new(kind, &order, now));
            if !self.orders.advance(order.id, progress, next, event.as_ref(), now, now + LEASE).await? {
                tracing::info!(order_id = %order.id, "order was moved by somebody else");
                return Ok(self.orders.find(order.id).await?.ok_or(sqlx::Error::RowNotFound)?.order);
            }
            progress = next;
        }
        self.count(&order, progress);
        Ok(order)
    }

    async fn take(&self, order: &Order, at: Progress, token: &str) -> Result<Progress, NotNow> {
        // A row that names a step without what the step needs was not written by this program.
        let missing = || NotNow("the order's row lacks what its step needs".to_owned());
        Ok(match at.step {
            Step::Reserve => at.reserved(self.stock.reserve(order.id, &order.lines).await?),
            Step::Authorise => at.authorised(self.payments.authorise(order.id, order.total, token).await?),
            Step::Confirm => at.confirmed(self.stock.confirm(at.reservation.ok_or_else(missing)?).await?),
            Step::Capture => {
                self.payments.capture(at.authorisation.ok_or_else(missing)?).await?;
                at.finished()
            }
            Step::Release => {
                self.stock.release(at.reservation.ok_or_else(missing)?).await?;
                at.finished()
            }
            Step::Void => {
                self.payments.void(at.authorisation.ok_or_else(missing)?).await?;
                at.finished()
            }
            Step::Done => at,
        })
    }

    fn count(&self, order: &Order, progress: Progress) {
        match progress.reason {
            None => {
                self.metrics.placed.inc();
                let value = self.metrics.value_minor.with_label_values(&[order.total.currency.code()]);
                value.inc_by(order.total.amount_minor.max(0) as u64);
                tracing::info!(order_id = %order.id, "order confirmed");
            }
            Some(reason) => {
                self.metrics.failed.with_label_values(&[reason.as_str()]).inc();
                tracing::warn!(order_id = %order.id, reason = reason.as_str(), "order ended without a sale");
            }
        }
    }
}

fn ending(status: OrderStatus) -> Option<OrderEventKind> {
    match status {
        OrderStatus::Pending | OrderStatus::ManualReview => None,
        OrderStatus::Confirmed => Some(OrderEventKind::Confirmed),
        OrderStatus::Declined => Some(OrderEventKind::Declined),
        OrderStatus::Rejected => Some(OrderEventKind::Failed),
        OrderStatus::Cancelled => Some(OrderEventKind::Cancelled),
    }
}

fn backoff(attempts: i32) -> Duration {
    let doubled = FIRST_RETRY * 2u32.pow(attempts.clamp(0, 8) as u32);
    doubled.min(LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_grow_and_stop_growing() {
        assert_eq!(backoff(0), FIRST_RETRY);
        assert_eq!(backoff(2), FIRST_RETRY * 4);
        assert_eq!(backoff(1000), LAST_RETRY);
    }
}
