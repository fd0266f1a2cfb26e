//! What one query may cost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use console_storage::SourceError;

use crate::limits::PromqlLimits;

/// Samples between two looks at the clock.
const CHECK_EVERY: usize = 1 << 20;

pub(crate) struct Budget {
    stop: Arc<AtomicBool>,
    deadline: Option<Instant>,
    max_samples: usize,
    /// Samples in memory now.
    held: AtomicUsize,
    /// The most that were in memory, where that is asked for.
    peak: Option<AtomicUsize>,
    samples_read: AtomicU64,
    series_read: AtomicU64,
    read_again: AtomicBool,
}

impl Budget {
    pub fn new(stop: Arc<AtomicBool>, limits: &PromqlLimits, begun: Instant) -> Self {
        Self {
            stop,
            deadline: begun.checked_add(limits.timeout),
            max_samples: limits.max_samples,
            held: AtomicUsize::new(0),
            peak: limits.profiled.then(|| AtomicUsize::new(0)),
            samples_read: AtomicU64::new(0),
            series_read: AtomicU64::new(0),
            read_again: AtomicBool::new(false),
        }
    }

    /// Fails when the caller went away or the time is over.
    pub fn check(&self) -> Result<(), SourceError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(SourceError::Canceled);
        }
        if self.deadline.is_some_and(|d| Instant::now() >= d) { Err(SourceError::Timeout) } else { Ok(()) }
    }

    /// For long work on one series.
    pub fn pace(&self) -> Pace<'_> {
        Pace { budget: self, looked_at: 0 }
    }

    /// A part of the store turned out to be damaged: the query begins anew, without it.
    pub fn note_read_again(&self) {
        self.read_again.store(true, Ordering::Relaxed);
    }

    pub fn begins_anew(&self) -> bool {
        self.read_again.load(Ordering::Relaxed)
    }

    pub fn samples_left(&self) -> usize {
        self.max_samples.saturating_sub(self.held.load(Ordering::Relaxed))
    }

    /// Counts samples that come into memory.
    pub fn take(&self, samples: usize) -> Result<(), SourceError> {
        let held = self.held.fetch_add(samples, Ordering::Relaxed);
        if held.saturating_add(samples) > self.max_samples {
            self.held.fetch_sub(samples, Ordering::Relaxed);
            return Err(SourceError::Limit(format!(
                "query processing would load too many samples into memory in query execution (limit {})",
                self.max_samples
            )));
        }
        if let Some(peak) = &self.peak {
            peak.fetch_max(held + samples, Ordering::Relaxed);
        }
        Ok(())
    }

    pub fn peak(&self) -> u64 {
        self.peak.as_ref().map_or(0, |peak| peak.load(Ordering::Relaxed) as u64)
    }

    /// Counts samples that left memory; those of literals and times were never taken.
    pub fn give(&self, samples: usize) {
        let _ = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| Some(held.saturating_sub(samples)));
    }

    pub fn count_read(&self, series: usize, samples: usize) {
        self.series_read.fetch_add(series as u64, Ordering::Relaxed);
        self.samples_read.fetch_add(samples as u64, Ordering::Relaxed);
    }

    pub fn samples_read(&self) -> u64 {
        self.samples_read.load(Ordering::Relaxed)
    }

    pub fn series_read(&self) -> u64 {
        self.series_read.load(Ordering::Relaxed)
    }
}

/// Checks a budget now and then.
pub(crate) struct Pace<'a> {
    budget: &'a Budget,
    looked_at: usize,
}

impl Pace<'_> {
    /// Counts samples that were looked at; fails as [`Budget::check`] does.
    pub fn count(&mut self, samples: usize) -> Result<(), SourceError> {
        self.looked_at += samples;
        if self.looked_at < CHECK_EVERY {
            return Ok(());
        }
        self.looked_at = 0;
        self.budget.check()
    }
}
