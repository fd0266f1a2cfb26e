//! Background work: sagas without an owner, orders that are to be anonymised, and the gauges.

use std::time::Duration;

use chrono::DateTime;
use shop_instrumentation::{CancellationToken, streams};
use tracing::Instrument as _;

use crate::saga::Saga;
use crate::saga::drive::LEASE;
use crate::storage::privacy::Cutoffs;

const EVERY: Duration = Duration::from_millis(500);
const BATCH: i64 = 16;
const ANONYMISE_EVERY: Duration = Duration::from_mins(1);
const ANONYMISE_BATCH: i64 = 200;
/// For how long guests' orders name them: three years.
pub const KEEP_GUESTS: Duration = Duration::from_hours(24 * 3 * 365);
/// For how long an order that is to be anonymised keeps its address for a parcel that never leaves: sixty days.
const KEEP_UNSHIPPED: Duration = Duration::from_hours(24 * 60);

/// Takes up unfinished orders and give-backs until `shutdown`; then waits until everything that runs here has finished
/// the step in hand and let go of its lease.
pub async fn recover(saga: Saga, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let resumed = match resume(&saga).await {
            Ok(resumed) => resumed,
            Err(error) => {
                tracing::warn!(%error, "unfinished orders could not be taken up");
                0
            }
        };
        let pause = if resumed >= BATCH as usize { Duration::ZERO } else { EVERY };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    saga.running.close();
    saga.running.wait().await;
}

/// One batch of each kind; answers how many were taken up. They are driven at the same time, each in the trace that
/// placed it.
pub async fn resume(saga: &Saga) -> Result<usize, sqlx::Error> {
    let (orders, give_backs) = tokio::join!(resume_orders(saga), resume_give_backs(saga));
    Ok(orders? + give_backs?)
}

async fn resume_orders(saga: &Saga) -> Result<usize, sqlx::Error> {
    let now = saga.clock.now();
    let orders = saga.orders.claim(now, now + LEASE, BATCH).await?;
    let driven = orders.into_iter().map(|stored| {
        let span = tracing::info_span!("resume order", shop.order.id = %stored.order.id);
        if let Some(traceparent) = &stored.traceparent {
            streams::continue_trace(&span, streams::extract_context([("traceparent", traceparent)]));
        }
        saga.drive(stored).instrument(span)
    });
    let results = futures::future::join_all(driven).await;
    let count = results.len();
    for result in results {
        result?;
    }
    Ok(count)
}

async fn resume_give_backs(saga: &Saga) -> Result<usize, sqlx::Error> {
    let now = saga.clock.now();
    let claimed = saga.orders.claim_give_backs(now, now + LEASE, BATCH).await?;
    let driven = claimed.into_iter().map(|(order, id)| {
        let span = tracing::info_span!("resume giving back", shop.order.id = %order);
        saga.drive_give_back(order, id).instrument(span)
    });
    let results = futures::future::join_all(driven).await;
    let count = results.len();
    for result in results {
        result?;
    }
    Ok(count)
}

/// Anonymises what is due, until `shutdown`.
pub async fn forget(saga: Saga, keep_guests: Duration, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        match anonymise(&saga, Some(keep_guests)).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "orders anonymised"),
            Err(error) => tracing::warn!(%error, "orders could not be anonymised"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(ANONYMISE_EVERY) => {}
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
        let done = saga.orders.anonymise_due(cutoffs, now, ANONYMISE_BATCH).await?;
        total += done;
        if done < ANONYMISE_BATCH as usize {
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
