//! Background work: new entries, entries that somebody left behind, and upkeep.

use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt as _;
use shop_instrumentation::CancellationToken;

use crate::deliver::Notifications;
use crate::event_stream::Entry;

/// Entries taken at a time, and how many of them are worked on together: a slow mail server holds up few.
const BATCH: usize = 16;
const TOGETHER: usize = 4;
/// An entry that was not finished for so long is taken over; as long as a lease, or it would only be found busy.
pub const LEFT_BEHIND: Duration = crate::lease::LENGTH;
const RECLAIM_EVERY: Duration = Duration::from_secs(5);
const AFTER_FAILURE: Duration = Duration::from_secs(1);
const MEASURE_EVERY: Duration = Duration::from_secs(2);
/// Longer than an event stays on the stream.
const REMEMBERED: TimeDelta = TimeDelta::days(90);
const FORGET_BATCH: i64 = 1000;
/// Measurements between two rounds of tidying up.
const TIDY_EVERY: u32 = 30;

/// Handles new entries until `shutdown`; a batch that was taken is finished first.
pub async fn consume(notifications: Notifications, shutdown: CancellationToken) {
    loop {
        let taken = tokio::select! {
            () = shutdown.cancelled() => return,
            taken = notifications.events.read(BATCH) => taken,
        };
        match taken {
            Ok(entries) => handle(&notifications, entries).await,
            Err(error) => {
                tracing::warn!(%error, "stream cannot be read");
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(AFTER_FAILURE) => {}
                }
            }
        }
    }
}

/// Handles what dead consumers and failed tries left behind, until `shutdown`.
pub async fn reclaim(notifications: Notifications, shutdown: CancellationToken) {
    loop {
        let taken = match reclaim_once(&notifications, LEFT_BEHIND).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::debug!(%error, "nothing could be taken over");
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(RECLAIM_EVERY) => continue,
                }
            }
        };
        let more = taken == BATCH || !notifications.events.is_round_over();
        let pause = if more { Duration::ZERO } else { RECLAIM_EVERY };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One batch of new entries; answers how many.
pub async fn consume_once(notifications: &Notifications) -> Result<usize, redis::RedisError> {
    let entries = notifications.events.read(BATCH).await?;
    let count = entries.len();
    handle(notifications, entries).await;
    Ok(count)
}

/// One batch of entries that were taken at least `idle` ago and not finished; answers how many.
pub async fn reclaim_once(notifications: &Notifications, idle: Duration) -> Result<usize, redis::RedisError> {
    let entries = notifications.events.reclaim(idle, BATCH).await?;
    let count = entries.len();
    if count > 0 {
        tracing::info!(count, "entries taken over");
    }
    handle(notifications, entries).await;
    Ok(count)
}

async fn handle(notifications: &Notifications, entries: Vec<Entry>) {
    futures::stream::iter(entries).for_each_concurrent(TOGETHER, |entry| notifications.handle(entry)).await;
}

/// Keeps the lag true, and table and groups tidy, until `shutdown`. `all` are the streams of this process.
pub async fn upkeep(all: Vec<Notifications>, shutdown: CancellationToken) {
    let mut round = 0_u32;
    loop {
        if let Err(error) = measure(&all).await {
            tracing::debug!(%error, "lag is not fresh");
        }
        if round.is_multiple_of(TIDY_EVERY) {
            for notifications in &all {
                tidy(notifications).await;
            }
        }
        round = round.wrapping_add(1);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(MEASURE_EVERY) => {}
        }
    }
}

/// Sets the lag once: of the stream that is furthest behind.
pub async fn measure(all: &[Notifications]) -> Result<(), redis::RedisError> {
    let mut longest_ms = 0;
    for notifications in all {
        if let Some(oldest) = notifications.events.oldest_unhandled().await? {
            longest_ms = longest_ms.max((notifications.clock.now() - oldest).num_milliseconds());
        }
    }
    if let Some(notifications) = all.first() {
        notifications.metrics.lag_seconds.set(longest_ms as f64 / 1000.0);
    }
    Ok(())
}

/// Forgets what is long over.
pub async fn tidy(notifications: &Notifications) {
    let before = notifications.clock.now() - REMEMBERED;
    match notifications.deliveries.forget(before, FORGET_BATCH).await {
        Ok(0) => {}
        Ok(forgotten) => tracing::info!(forgotten, "old deliveries forgotten"),
        Err(error) => tracing::warn!(%error, "old deliveries could not be forgotten"),
    }
    match notifications.events.forget_dead(notifications.clock.now()).await {
        Ok(0) => {}
        Ok(forgotten) => tracing::info!(forgotten, "what was put aside long ago is forgotten"),
        Err(error) => tracing::debug!(%error, "what was put aside could not be looked at"),
    }
    match notifications.events.remove_gone_consumers().await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "consumers that are gone removed"),
        Err(error) => tracing::debug!(%error, "consumers could not be looked at"),
    }
}
