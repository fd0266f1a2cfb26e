//! What one query may cost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use console_storage::{SourceError, metrics::WorkingMemory};

use crate::limits::PromqlLimits;

/// Samples between two looks at the clock.
const CHECK_EVERY: usize = 1 << 20;
/// What a sample takes, and how many are counted in one go in the memory of all.
const SAMPLE_BYTES: u64 = 16;
const SAMPLES_PER_STEP: usize = 1 << 16;

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
    memory: Option<Box<dyn WorkingMemory>>,
    /// Steps of samples that `memory` counts.
    steps: AtomicUsize,
}

impl Budget {
    pub fn new(
        stop: Arc<AtomicBool>,
        limits: &PromqlLimits,
        begun: Instant,
        memory: Option<Box<dyn WorkingMemory>>,
    ) -> Self {
        Self {
            stop,
            deadline: begun.checked_add(limits.timeout),
            max_samples: limits.max_samples,
            held: AtomicUsize::new(0),
            peak: limits.profiled.then(|| AtomicUsize::new(0)),
            samples_read: AtomicU64::new(0),
            series_read: AtomicU64::new(0),
            memory,
            steps: AtomicUsize::new(0),
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
        self.count_memory(held + samples);
        Ok(())
    }

    /// Tells the memory of all what is held now, in steps: threads of one query come by often.
    fn count_memory(&self, held: usize) {
        let Some(memory) = &self.memory else { return };
        let steps = held.div_ceil(SAMPLES_PER_STEP);
        if self.steps.swap(steps, Ordering::Relaxed) != steps {
            memory.hold((steps * SAMPLES_PER_STEP) as u64 * SAMPLE_BYTES);
        }
    }

    pub fn peak(&self) -> u64 {
        self.peak.as_ref().map_or(0, |peak| peak.load(Ordering::Relaxed) as u64)
    }

    /// Counts samples that left memory; those of literals and times were never taken.
    pub fn give(&self, samples: usize) {
        let less = |held: usize| Some(held.saturating_sub(samples));
        if let Ok(held) = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            self.count_memory(held.saturating_sub(samples));
        }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;

    /// What is held, and the most that was; -1 once it is given back.
    #[derive(Default)]
    struct Counted {
        now: AtomicI64,
        most: AtomicI64,
    }

    struct Query(Arc<Counted>);

    impl WorkingMemory for Query {
        fn hold(&self, bytes: u64) {
            self.0.now.store(bytes as i64, Ordering::Relaxed);
            self.0.most.fetch_max(bytes as i64, Ordering::Relaxed);
        }
    }

    impl Drop for Query {
        fn drop(&mut self) {
            self.0.now.store(-1, Ordering::Relaxed);
        }
    }

    #[test]
    fn samples_are_counted_in_the_memory_of_all_while_they_are_held() {
        let counted = Arc::new(Counted::default());
        let limits = PromqlLimits { max_samples: 300_000, ..PromqlLimits::default() };
        let memory: Box<dyn WorkingMemory> = Box::new(Query(counted.clone()));
        let budget = Budget::new(Arc::default(), &limits, Instant::now(), Some(memory));
        let now = || counted.now.load(Ordering::Relaxed);
        budget.take(1).unwrap();
        assert_eq!(now(), 65_536 * 16);
        budget.take(200_000).unwrap();
        assert_eq!(now(), 4 * 65_536 * 16);
        assert!(budget.take(100_000).is_err());
        assert_eq!(now(), 4 * 65_536 * 16, "what is refused is not held");
        budget.give(150_000);
        assert_eq!(now(), 65_536 * 16);
        drop(budget);
        assert_eq!((now(), counted.most.load(Ordering::Relaxed)), (-1, 4 * 65_536 * 16));
    }
}
