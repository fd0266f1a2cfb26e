//! The loop of one target.

use std::{sync::Arc, time::Duration};

use console_model::clock::now_ms;
use console_storage::metrics::SampleAppender;
use parking_lot::Mutex;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    config::JobConfig,
    discovery::ClusterDiscovery,
    error::ScrapeError,
    http::{Answer, Connector, fetch},
    status::{TargetHealth, TargetStatus, Targets},
    store::{Book, Outcome},
    target::Target,
};
use crate::metrics::{IngestMetrics, Protocol, Signal};

/// What all loops share. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    pub appender: Arc<dyn SampleAppender>,
    pub metrics: IngestMetrics,
    pub targets: Targets,
    /// Answers that are decompressed, parsed and stored at once.
    pub slots: Arc<Semaphore>,
    pub cluster: Option<Arc<dyn ClusterDiscovery>>,
    pub shutdown: CancellationToken,
}

pub struct Worker {
    pub shared: Shared,
    pub job: Arc<JobConfig>,
    pub target: Arc<Target>,
    pub connector: Arc<Connector>,
    pub status: Arc<Mutex<TargetStatus>>,
    pub removed: CancellationToken,
}

/// Why a loop ends.
enum End {
    /// The series go on after the next start.
    Shutdown,
    Removed,
}

impl Worker {
    pub async fn run(self) {
        let mut book = self.new_book();
        let interval = self.target.interval;
        let now = now_ms();
        let first = wait(now, interval, self.target.offset());
        let (mut next, mut nominal_ms) = (Instant::now() + first, now + first.as_millis() as i64);
        let end = loop {
            tokio::select! {
                biased;
                end = self.end() => break end,
                () = sleep_until(next) => {}
            }
            let started = std::time::Instant::now();
            nominal_ms = aligned(now_ms(), nominal_ms, interval);
            let answer = tokio::select! {
                biased;
                end = self.end() => break end,
                answer = fetch(&self.connector, &self.job, &self.target) => answer,
            };
            book = self.store(book, nominal_ms, started, answer).await;
            // Never twice in a row to catch up: a missed turn is missed.
            let turns =
                1 + (Instant::now().saturating_duration_since(next).as_nanos() / interval.as_nanos()) as u32;
            next += interval * turns;
            nominal_ms += interval.as_millis() as i64 * i64::from(turns);
        };
        if matches!(end, End::Removed) {
            let _ = tokio::task::spawn_blocking(move || book.end(now_ms())).await;
        }
    }

    async fn end(&self) -> End {
        tokio::select! {
            biased;
            () = self.shared.shutdown.cancelled() => End::Shutdown,
            () = self.removed.cancelled() => End::Removed,
        }
    }

    /// Not cancelled half-way, so that what is known of the series stays true.
    async fn store(
        &self,
        mut book: Book,
        t_ms: i64,
        started: std::time::Instant,
        answer: Result<Answer, ScrapeError>,
    ) -> Book {
        let slot = self.shared.slots.clone().acquire_owned().await;
        let stored = tokio::task::spawn_blocking(move || {
            let outcome = book.store(t_ms, started, answer);
            drop(slot);
            (book, outcome)
        });
        let (book, outcome) = stored.await.unwrap_or_else(|e| {
            tracing::error!(cause = %e, url = %self.target.url, "a scrape ended in a panic");
            (self.new_book(), Outcome { error: Some(ScrapeError::Internal), ..Outcome::default() })
        });
        self.note(t_ms, started.elapsed(), outcome);
        book
    }

    fn new_book(&self) -> Book {
        Book::new(self.target.clone(), self.job.clone(), self.shared.appender.clone())
    }

    fn note(&self, t_ms: i64, took: Duration, outcome: Outcome) {
        let metrics = &self.shared.metrics;
        let rejected = outcome.rejected.iter().map(|(_, n)| n).sum();
        metrics.items(Signal::Metrics, Protocol::Scrape, outcome.accepted, rejected);
        for (reason, n) in &outcome.rejected {
            metrics.rejected(Protocol::Scrape, reason, *n);
        }
        if let Some(e) = &outcome.error {
            metrics.rejected(Protocol::Scrape, e.reason(), 1);
        }
        let error = outcome.error.map(|e| e.to_string());
        let mut status = self.status.lock();
        let health = if error.is_some() { TargetHealth::Down } else { TargetHealth::Up };
        if health != status.health {
            match &error {
                Some(error) => {
                    tracing::warn!(url = %self.target.url, job = self.job.name, error, "target is down");
                }
                None => tracing::info!(url = %self.target.url, job = self.job.name, "target is up"),
            }
        }
        status.health = health;
        status.last_scrape_ms = Some(t_ms);
        status.last_duration = Some(took);
        status.last_error = error;
        status.last_warning = outcome.warning;
        status.samples = outcome.tally.scraped as u64;
        drop(status);
        self.shared.targets.changed();
    }
}

/// From now to the target's place in the interval, which is counted from the epoch.
fn wait(now_ms: i64, interval: Duration, offset: Duration) -> Duration {
    let interval_ms = (interval.as_millis() as i64).max(1);
    let wait_ms = (offset.as_millis() as i64 - now_ms).rem_euclid(interval_ms);
    Duration::from_millis(wait_ms as u64)
}

/// The nominal time when the scrape is close to it: regular times compress far better (prometheus/scrape:
/// `scrapeTimestampTolerance`).
fn aligned(now_ms: i64, nominal_ms: i64, interval: Duration) -> i64 {
    let tolerance_ms = (interval.as_millis() as i64 / 100).min(2);
    if (now_ms - nominal_ms).abs() <= tolerance_ms { nominal_ms } else { now_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_keep_their_place_in_the_interval() {
        let (interval, offset) = (Duration::from_secs(10), Duration::from_secs(3));
        for (now, wait_ms) in [(0, 3000), (3000, 0), (3001, 9999), (1_000_000_009_000, 4000)] {
            assert_eq!(wait(now, interval, offset), Duration::from_millis(wait_ms), "{now}");
        }
    }

    #[test]
    fn times_close_to_the_nominal_one_are_the_nominal_one() {
        let second = Duration::from_secs(1);
        assert_eq!(aligned(1002, 1000, second), 1000);
        assert_eq!(aligned(998, 1000, second), 1000);
        assert_eq!(aligned(1003, 1000, second), 1003);
        assert_eq!(aligned(1001, 1000, Duration::from_millis(50)), 1001);
    }
}
