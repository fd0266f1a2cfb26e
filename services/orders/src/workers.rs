//! Background work: sagas without an owner, and the gauges.

use std::time::Duration;

use shop_instrumentation::{CancellationToken, streams};
use tracing::Instrument as _;

use crate::saga::Saga;
use crate::saga::drive::LEASE;

const EVERY: Duration = Duration::from_millis(500);
const BATCH: i64 = 16;

/// Takes up unfinished orders until `shutdown`.
pub async fn recover(saga: Saga, shutdown: CancellationToken) {
    loop {
        let resumed = match resume(&saga).await {
            Ok(resumed) => resumed,
            Err(error) => {
                tracing::warn!(%error, "unfinished orders could not be taken up");
                0
            }
        };
        let pause = if resumed == BATCH as usize { Duration::ZERO } else { EVERY };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One batch; answers how many orders were taken up. They are driven at the same time, each in the trace that placed it.
pub async fn resume(saga: &Saga) -> Result<usize, sqlx::Error> {
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

/// Keeps the gauges true until `shutdown`.
pub async fn observe(saga: Saga, shutdown: CancellationToken) {
    loop {
        if let Err(error) = measure(&saga).await {
            tracing::debug!(%error, "gauges are not fresh");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

async fn measure(saga: &Saga) -> Result<(), sqlx::Error> {
    saga.metrics.sagas_in_progress.set(saga.orders.in_progress().await? as f64);
    Ok(())
}
