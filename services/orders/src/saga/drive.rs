//! Drives one order from its written step to the end, or as far as the others answer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{Order, OrderStatus};
use shop_instrumentation::CancellationToken;
use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::ids;
use tokio_util::task::TaskTracker;

use super::age::AgeLimits;
use super::step::{Progress, Step};
use crate::ports::{NotNow, PaymentGateway, Stock};
use crate::storage::history::{Entry, SYSTEM};
use crate::storage::outbox::Event;
use crate::storage::postgres::{PgOrders, Stored};
use crate::telemetry::OrderMetrics;

/// How long one step may take with all its retries.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(8);
/// How long an order belongs to whoever took it, from each step on. Longer than the step and its two writes can take;
/// a killed instance's orders are picked up after it. Who is late all the same is stopped by the fence.
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
    pub ages: AgeLimits,
    /// Once cancelled, the step in hand is finished and the order left to the other instance.
    pub shutdown: CancellationToken,
    /// Sagas that run; a drain waits for them.
    pub running: TaskTracker,
}

impl Saga {
    /// Goes on until the order is at rest, somebody else moved it, a peer does not answer (then it stays pending and is
    /// taken up again later), or the process stops. Answers the order as it stands.
    pub async fn drive(&self, stored: Stored) -> Result<Order, sqlx::Error> {
        let Stored { mut order, mut progress, payment_token, mut attempts, fence, mut since, .. } = stored;
        while !progress.is_at_rest() {
            if self.shutdown.is_cancelled() {
                self.orders.postpone(order.id, progress, fence, self.clock.now()).await?;
                return Ok(order);
            }
            let next = match self.next(&order, progress, since, &payment_token).await {
                Ok(next) => next,
                Err(NotNow(detail)) => {
                    let retry_at = self.clock.now() + pause(attempts);
                    tracing::warn!(order_id = %order.id, step = progress.step.as_str(), detail, "step postponed");
                    self.orders.postpone(order.id, progress, fence, retry_at).await?;
                    return Ok(order);
                }
            };
            let now = self.clock.now();
            order.status = next.status();
            order.reason = next.explanation();
            let event = ending(order.status).map(|kind| Event::new(kind, &order, now));
            let entry = (order.status != OrderStatus::Pending).then(|| Entry {
                at: now,
                actor: SYSTEM.to_owned(),
                action: order.status.as_str(),
                detail: order.reason.clone().unwrap_or_default(),
            });
            let written = self
                .orders
                .advance(order.id, (progress, next), fence, event.as_ref(), entry.as_ref(), now, now + LEASE)
                .await?;
            if !written {
                tracing::info!(order_id = %order.id, "order was moved by somebody else");
                return Ok(self.orders.find(order.id).await?.ok_or(sqlx::Error::RowNotFound)?.order);
            }
            progress = next;
            since = now;
            attempts = 0;
        }
        self.count(&order, progress);
        Ok(order)
    }

    async fn next(
        &self,
        order: &Order,
        at: Progress,
        since: DateTime<Utc>,
        token: &str,
    ) -> Result<Progress, NotNow> {
        let too_old = self.ages.exceeded(at.step, since, self.clock.now());
        if too_old && at.gives_up_untried() {
            return Ok(at.too_old());
        }
        match in_time(self.take(order, at, token)).await {
            Err(NotNow(detail)) if too_old => {
                tracing::error!(order_id = %order.id, step = at.step.as_str(), detail, "step is too old");
                Ok(at.too_old())
            }
            answer => answer,
        }
    }

    async fn take(&self, order: &Order, at: Progress, token: &str) -> Result<Progress, NotNow> {
        // A row that names a step without what the step needs was not written by this program.
        let missing = || NotNow("the order's row lacks what its step needs".to_owned());
        let (stock, payments) = (&self.stock, &self.payments);
        Ok(match at.step {
            Step::Reserve => at.reserved(stock.reserve(order.id, &order.lines).await?),
            Step::Authorise => at.authorised(payments.authorise(order.id, order.total, token).await?),
            Step::Confirm => at.confirmed(stock.confirm(at.reservation.ok_or_else(missing)?).await?),
            Step::Capture => at.finished(payments.capture(at.authorisation.ok_or_else(missing)?).await?),
            Step::Abandon => at.abandoned(payments.abandon(order.id).await?),
            Step::Void => at.voided(payments.void(at.authorisation.ok_or_else(missing)?).await?),
            Step::Release => at.finished(stock.release(at.reservation.ok_or_else(missing)?).await?),
            Step::Done => at,
        })
    }

    pub(crate) fn count(&self, order: &Order, progress: Progress) {
        if progress.review.is_some() {
            let why = order.reason.as_deref().unwrap_or_default();
            tracing::error!(order_id = %order.id, reason = why, "order needs a person");
            return;
        }
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

/// A step's answer, or "not now" when it takes longer than its lease allows for.
pub async fn in_time<T>(step: impl Future<Output = Result<T, NotNow>>) -> Result<T, NotNow> {
    match tokio::time::timeout(STEP_TIMEOUT, step).await {
        Ok(answer) => answer,
        Err(_) => Err(NotNow("the step took too long".to_owned())),
    }
}

pub(crate) fn ending(status: OrderStatus) -> Option<OrderEventKind> {
    match status {
        OrderStatus::Pending | OrderStatus::ManualReview => None,
        OrderStatus::Confirmed => Some(OrderEventKind::Confirmed),
        OrderStatus::Declined => Some(OrderEventKind::Declined),
        OrderStatus::Rejected => Some(OrderEventKind::Failed),
        OrderStatus::Cancelled => Some(OrderEventKind::Cancelled),
    }
}

/// The pause before a step is tried again: between half of its back-off and all of it, so that what one outage held up
/// does not come back in one beat.
pub fn pause(attempts: i32) -> Duration {
    backoff(attempts).mul_f64(1.0 - 0.5 * ids::random_share())
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
        for _ in 0..100 {
            assert!((FIRST_RETRY / 2..=FIRST_RETRY).contains(&pause(0)));
        }
    }

    #[test]
    fn a_lease_outlives_the_step_under_it() {
        assert!(STEP_TIMEOUT + Duration::from_secs(5) < LEASE);
    }
}
