//! Background work: sagas without an owner, orders that are to be anonymised, and the gauges.

use std::future::Future;
use std::time::Duration;

use chrono::DateTime;
use shop_instrumentation::{CancellationToken, streams};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::saga::Saga;
use crate::saga::drive::LEASE;
use crate::storage::privacy::Cutoffs;

const EVERY: Duration = Duration::from_millis(500);
/// Orders, and give-backs, that are driven at the same time.
const SLOTS: usize = 16;
const FORGET_EVERY: Duration = Duration::from_mins(1);
const FORGET_BATCH: i64 = 200;
/// For how long guests' orders name them: three years.
pub const KEEP_GUESTS: Duration = Duration::from_hours(24 * 3 * 365);
/// For how long an order that is to be anonymised keeps its address for a parcel that never leaves: sixty days.
const KEEP_UNSHIPPED: Duration = Duration::from_hours(24 * 60);
/// For how long after a voucher's end digests of its users' addresses stay: a day, more than clocks of instances differ.
const KEEP_DIGESTS: Duration = Duration::from_hours(24);

/// Takes up unfinished orders and give-backs until `shutdown`; then waits until everything that runs here has finished
/// the step in hand and let go of its lease. Each has a slot of its own: one that waits for a peer that hangs keeps no
/// other waiting.
pub async fn recover(saga: Saga, shutdown: CancellationToken) {
    let orders = take_up(&shutdown, "orders", |free| claim_orders(&saga, free));
    let give_backs = take_up(&shutdown, "refunds", |free| claim_give_backs(&saga, free));
    tokio::join!(orders, give_backs);
    saga.running.close();
    saga.running.wait().await;
}

/// One round of both kinds, to its end; answers how many were taken up.
pub async fn resume(saga: &Saga) -> Result<usize, sqlx::Error> {
    let (orders, give_backs) = tokio::try_join!(claim_orders(saga, SLOTS), claim_give_backs(saga, SLOTS))?;
    let count = orders.len() + give_backs.len();
    let (orders, give_backs) =
        tokio::join!(futures::future::join_all(orders), futures::future::join_all(give_backs));
    orders.into_iter().chain(give_backs).collect::<Result<Vec<()>, _>>()?;
    Ok(count)
}

/// Fills free slots with what `claim` gives, on a timer, and at once while there is more than fits. Each runs as a task of
/// its own: a step that is not polled while `claim` waits for a connection would keep the connection that it has.
async fn take_up<C, F>(shutdown: &CancellationToken, what: &'static str, claim: impl Fn(usize) -> C)
where
    C: Future<Output = Result<Vec<F>, sqlx::Error>>,
    F: Future<Output = Result<(), sqlx::Error>> + Send + 'static,
{
    let mut driven = JoinSet::new();
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let looks = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            _ = tick.tick() => driven.len() < SLOTS,
            Some(ended) = driven.join_next() => {
                match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(%error, what, "unfinished work goes on later"),
                    Err(error) => tracing::error!(%error, what, "unfinished work was broken off"),
                }
                // Every slot was taken: somebody may wait for this one.
                driven.len() + 1 == SLOTS
            }
        };
        if looks {
            match claim(SLOTS - driven.len()).await {
                Ok(claimed) => {
                    for one in claimed {
                        driven.spawn(one);
                    }
                }
                Err(error) => tracing::warn!(%error, what, "unfinished work could not be taken up"),
            }
        }
    }
    while driven.join_next().await.is_some() {}
}

/// Unfinished orders, at most so many, each to be driven in the trace that placed it.
async fn claim_orders(
    saga: &Saga,
    limit: usize,
) -> Result<Vec<impl Future<Output = Result<(), sqlx::Error>> + use<>>, sqlx::Error> {
    let now = saga.clock.now();
    let claimed = saga.orders.claim(now, now + LEASE, limit as i64).await?;
    let driven = claimed.into_iter().map(|stored| {
        let span = tracing::info_span!("resume order", shop.order.id = %stored.order.id);
        go_on_in(&span, stored.traceparent.as_deref());
        let saga = saga.clone();
        async move { saga.drive(stored).await.map(|_| ()) }.instrument(span)
    });
    Ok(driven.collect())
}

/// Unfinished give-backs, as [`claim_orders`].
async fn claim_give_backs(
    saga: &Saga,
    limit: usize,
) -> Result<Vec<impl Future<Output = Result<(), sqlx::Error>> + use<>>, sqlx::Error> {
    let now = saga.clock.now();
    let claimed = saga.orders.claim_give_backs(now, now + LEASE, limit as i64).await?;
    let driven = claimed.into_iter().map(|it| {
        let span = tracing::info_span!("resume giving back", shop.order.id = %it.order);
        go_on_in(&span, it.traceparent.as_deref());
        let saga = saga.clone();
        async move { saga.drive_give_back(it.order, it.id, it.fence).await }.instrument(span)
    });
    Ok(driven.collect())
}

fn go_on_in(span: &tracing::Span, traceparent: Option<&str>) {
    if let Some(traceparent) = traceparent {
        streams::continue_trace(span, streams::extract_context([("traceparent", traceparent)]));
    }
}

/// Anonymises what is due and forgets whose digests nobody needs any more, until `shutdown`.
pub async fn forget(saga: Saga, keep_guests: Duration, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        match anonymise(&saga, Some(keep_guests)).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "orders anonymised"),
            Err(error) => tracing::warn!(%error, "orders could not be anonymised"),
        }
        match forget_digests(&saga).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "digests of addresses forgotten"),
            Err(error) => tracing::warn!(%error, "digests of addresses could not be forgotten"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(FORGET_EVERY) => {}
        }
    }
}

/// Anonymises everything that is due now, in batches; answers how many orders. Guests' orders only when it is said for
/// how long they are kept.
pub async fn anonymise(saga: &Saga, keep_guests: Option<Duration>) -> Result<usize, sqlx::Error> {
    let now = saga.clock.now();
    let guests = keep_guests.map_or(DateTime::UNIX_EPOCH, |keep| now - keep);
    let cutoffs = Cutoffs { guests, unshipped: now - KEEP_UNSHIPPED };
    let mut total = 0;
    loop {
        let done = saga.orders.anonymise_due(cutoffs, now, FORGET_BATCH).await?;
        total += done;
        if done < FORGET_BATCH as usize {
            return Ok(total);
        }
    }
}

/// Forgets what vouchers that ended a day ago knew of their users, in batches; answers of how many orders.
pub async fn forget_digests(saga: &Saga) -> Result<usize, sqlx::Error> {
    let ended_before = saga.clock.now() - KEEP_DIGESTS;
    let mut total = 0;
    loop {
        let done = saga.orders.forget_digests(ended_before, FORGET_BATCH).await?;
        total += done;
        if done < FORGET_BATCH as usize {
            return Ok(total);
        }
    }
}

/// Keeps the gauges true until `shutdown`.
pub async fn observe(saga: Saga, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(error) = measure(&saga).await {
            tracing::debug!(%error, "gauges are not fresh");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// Reads the gauges once.
pub async fn measure(saga: &Saga) -> Result<(), sqlx::Error> {
    saga.metrics.sagas_in_progress.set(saga.orders.in_progress().await? as f64);
    saga.metrics.manual_review.set(saga.orders.in_review().await? as f64);
    Ok(())
}
