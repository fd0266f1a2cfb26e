//! What one query may cost.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use console_storage::SourceError;

use crate::limits::PromqlLimits;

pub(crate) struct Budget {
    stop: Arc<AtomicBool>,
    deadline: Option<Instant>,
    max_samples: usize,
    /// Samples in memory now.
    held: Cell<usize>,
    samples_read: Cell<u64>,
    series_read: Cell<u64>,
}

impl Budget {
    pub fn new(stop: Arc<AtomicBool>, limits: &PromqlLimits) -> Self {
        Self {
            stop,
            deadline: Instant::now().checked_add(limits.timeout),
            max_samples: limits.max_samples,
            held: Cell::new(0),
            samples_read: Cell::new(0),
            series_read: Cell::new(0),
        }
    }

    /// Fails when the caller went away or the time is over.
    pub fn check(&self) -> Result<(), SourceError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(SourceError::Canceled);
        }
        if self.deadline.is_some_and(|d| Instant::now() >= d) { Err(SourceError::Timeout) } else { Ok(()) }
    }

    pub fn samples_left(&self) -> usize {
        self.max_samples - self.held.get()
    }

    /// Counts samples that come into memory.
    pub fn take(&self, samples: usize) -> Result<(), SourceError> {
        if samples > self.samples_left() {
            return Err(SourceError::Limit(format!(
                "query processing would load too many samples into memory in query execution (limit {})",
                self.max_samples
            )));
        }
        self.held.set(self.held.get() + samples);
        Ok(())
    }

    /// Counts samples that left memory.
    pub fn give(&self, samples: usize) {
        self.held.set(self.held.get().saturating_sub(samples));
    }

    pub fn count_read(&self, series: usize, samples: usize) {
        self.series_read.set(self.series_read.get() + series as u64);
        self.samples_read.set(self.samples_read.get() + samples as u64);
    }

    pub fn samples_read(&self) -> u64 {
        self.samples_read.get()
    }

    pub fn series_read(&self) -> u64 {
        self.series_read.get()
    }
}
