//! What happens by the clock: syncing logs to disk, retention, ended sessions.

use std::{sync::Arc, time::Duration};

use console_model::clock::now_ms;
use console_state::State;
use tokio::{task::JoinHandle, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::stores::Stores;

/// A power cut loses at most this much of what a store accepted that does not sync always; a killed process loses nothing.
const SYNC_EVERY: Duration = Duration::from_secs(1);
const RETENTION_EVERY: Duration = Duration::from_secs(30);
const PURGE_EVERY: Duration = Duration::from_mins(10);

/// Runs until `stop`.
pub fn start(stores: Stores, state: Arc<State>, stop: CancellationToken) -> Vec<JoinHandle<()>> {
    let (syncing, ageing) = (stores.clone(), stores);
    vec![
        tokio::spawn(blocking_every(SYNC_EVERY, stop.clone(), move || syncing.sync())),
        tokio::spawn(blocking_every(RETENTION_EVERY, stop.clone(), move || ageing.maintain(now_ms()))),
        tokio::spawn(async move {
            let mut ticks = ticks(PURGE_EVERY);
            while next(&mut ticks, &stop).await {
                if let Err(error) = state.purge_expired(now_ms()).await {
                    tracing::warn!(%error, "ended sessions could not be deleted");
                }
            }
        }),
    ]
}

async fn blocking_every(every: Duration, stop: CancellationToken, work: impl Fn() + Send + Sync + 'static) {
    let work = Arc::new(work);
    let mut ticks = ticks(every);
    while next(&mut ticks, &stop).await {
        let work = work.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || work()).await {
            tracing::error!(%error, "maintenance failed");
        }
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Waits for the next tick; false when it is time to stop.
async fn next(ticks: &mut tokio::time::Interval, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        _ = ticks.tick() => true,
    }
}
