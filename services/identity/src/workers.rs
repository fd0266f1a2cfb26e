//! Background work: what is over leaves the tables, and orders forgets who left.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use shop_instrumentation::CancellationToken;

use crate::forget_person::{self, OrderAnonymiser};
use crate::identity::Identity;

const EVERY: Duration = Duration::from_mins(1);
const BATCH: i64 = 1000;
/// A request is not repeated later than this.
const KEYS_KEPT: TimeDelta = TimeDelta::days(1);
const FORGET_EVERY: Duration = Duration::from_secs(1);

/// Tidies up until `shutdown`.
pub async fn run(identity: Identity, shutdown: CancellationToken) {
    loop {
        let pause = match once(&identity).await {
            Ok(removed) if removed >= BATCH as u64 => Duration::ZERO,
            Ok(_) => EVERY,
            Err(error) => {
                tracing::warn!(%error, "what is over could not be removed");
                EVERY
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One batch of each kind; answers how many were removed.
pub async fn once(identity: &Identity) -> Result<u64, sqlx::Error> {
    let now = identity.clock.now();
    let sessions = identity.sessions.expire(now, BATCH).await?;
    let staff_sessions = identity.staff.expire(now, BATCH).await?;
    let resets = identity.resets.expire(now, BATCH).await?;
    let unconfirmed = identity.confirmations.expire(now, BATCH).await?;
    let keys = identity.registrations.forget(now - KEYS_KEPT, BATCH).await?;
    let removed = sessions + staff_sessions + resets + unconfirmed + keys;
    if removed > 0 {
        tracing::info!(sessions, staff_sessions, resets, unconfirmed, keys, "what is over was removed");
    }
    Ok(removed)
}

/// Has orders forget who left, until `shutdown`.
pub async fn forget(identity: Identity, orders: Arc<dyn OrderAnonymiser>, shutdown: CancellationToken) {
    loop {
        let pause = match forget_once(&identity, &*orders).await {
            Ok(taken) if taken == forget_person::BATCH as usize => Duration::ZERO,
            Ok(_) => FORGET_EVERY,
            Err(error) => {
                tracing::warn!(%error, "deleted accounts could not be looked at");
                FORGET_EVERY
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One batch; answers how many were taken. Sets the lag.
pub async fn forget_once(identity: &Identity, orders: &dyn OrderAnonymiser) -> Result<usize, sqlx::Error> {
    let taken = forget_person::once(identity, orders).await?;
    let oldest = identity.deletions.oldest_waiting().await?;
    let lag_ms = oldest.map_or(0, |oldest| (identity.clock.now() - oldest).num_milliseconds().max(0));
    identity.metrics.deletion_lag_seconds.set(lag_ms as f64 / 1000.0);
    Ok(taken)
}
