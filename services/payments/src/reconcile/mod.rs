//! The reconciler: finds every difference between what was asked, what the provider did and what is wanted, and settles
//! it. Driven by the rows alone, on a signal and on a timer; instances share the rows and need nothing else of each other.

mod abandoned;
pub mod compare;
mod operations;
mod verify;

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt as _};
use tokio_util::sync::CancellationToken;

use self::compare::Difference;
use crate::payments::Payments;

/// Rows of one kind taken in a round.
const BATCH: usize = 32;
/// Calls of the provider at a time.
const CALLS_AT_A_TIME: usize = 8;
/// Pause between two rounds without a signal.
const EVERY: Duration = Duration::from_secs(1);
/// How long a webhook is remembered; far longer than its signature is valid.
const REMEMBER_EVENTS: chrono::Duration = chrono::Duration::days(7);

impl Payments {
    /// Works until `stop`, then finishes the round in hand.
    pub async fn reconcile_until(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Err(error) = self.reconcile().await {
                tracing::warn!(%error, "reconciliation put off");
            }
        }
    }

    /// One round over everything that is due. Answers how many rows it took.
    pub async fn reconcile(&self) -> Result<usize, sqlx::Error> {
        let operations = self.settle_operations().await?;
        let abandoned = self.settle_abandoned().await?;
        let expired = self.void_expired().await?;
        let verified = self.verify_books().await?;
        self.store.forget_events(self.clock.now() - REMEMBER_EVENTS, 1000).await?;
        self.show().await?;
        Ok(operations + abandoned + expired + verified)
    }

    /// Gives back what nobody captured in time, before the card's issuer does.
    async fn void_expired(&self) -> Result<usize, sqlx::Error> {
        let age = chrono::Duration::from_std(self.limits.hold_age).unwrap_or(chrono::Duration::MAX);
        let claim = || async {
            let now = self.clock.now();
            Ok(self.store.claim_expired(now - age, 1, now).await?.pop())
        };
        worked_on(claim, |id| async move {
            tracing::warn!(payment_id = %id, "a hold that nobody captured is given back");
            if let Err(problem) = self.void(id).await {
                tracing::warn!(payment_id = %id, detail = problem.detail(), "expired hold not voided yet");
            }
        })
        .await
    }

    /// Sets the gauges.
    async fn show(&self) -> Result<(), sqlx::Error> {
        let standing = self.store.standing().await?;
        let now = self.clock.now();
        let since = |at: Option<DateTime<Utc>>| at.map_or(0.0, |at| (now - at).as_seconds_f64().max(0.0));
        self.metrics.reconciliation_lag.set(since(standing.oldest_open));
        self.metrics.reconciliation_overdue.set(since(standing.first_due));
        for kind in Difference::ALL {
            let found = standing.differences.iter().find(|(name, _)| name == kind.as_str());
            self.metrics.differences.with_label_values(&[kind.as_str()]).set(found.map_or(0, |(_, n)| *n));
        }
        self.metrics.differences.with_label_values(&["held_unwanted"]).set(standing.held_unwanted);
        Ok(())
    }
}

/// Works on rows, each claimed when somebody is free for it, so that no lease runs while its row only waits. At most a
/// batch; answers how many. What was begun is finished when a claim fails.
async fn worked_on<T, C, W>(claim: impl Fn() -> C, work: impl Fn(T) -> W) -> Result<usize, sqlx::Error>
where
    C: Future<Output = Result<Option<T>, sqlx::Error>>,
    W: Future<Output = ()>,
{
    let rows = stream::unfold(BATCH, |left| {
        let row = (left > 0).then(&claim);
        async move {
            match row?.await {
                Ok(row) => Some((Ok(row?), left - 1)),
                Err(error) => Some((Err(error), 0)),
            }
        }
    });
    let work = &work;
    let worked = rows.map(|row| async move {
        work(row?).await;
        Ok::<(), sqlx::Error>(())
    });
    let worked: Vec<_> = worked.buffer_unordered(CALLS_AT_A_TIME).collect().await;
    let count = worked.len();
    worked.into_iter().collect::<Result<Vec<()>, sqlx::Error>>()?;
    Ok(count)
}
