//! How much one evaluation may cost. Threads of one evaluation share it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use console_storage::SourceError;

/// Lines between two looks at the clock.
const CHECK_EVERY: u64 = 256;

pub struct Budget {
    pub stop: Arc<AtomicBool>,
    pub deadline: Instant,
    pub max_lines: u64,
    pub max_bytes: u64,
    pub max_series: usize,
    pub max_samples: usize,
    pub lines: AtomicU64,
    pub bytes: AtomicU64,
    pub held: AtomicUsize,
}

impl Budget {
    /// Accounts for lines read.
    pub fn lines(&self, count: u64, bytes: u64) -> Result<(), SourceError> {
        let before = self.lines.fetch_add(count, Ordering::Relaxed);
        let lines = before + count;
        let total = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if lines > self.max_lines {
            return Err(SourceError::Limit(format!(
                "query reads more than max_lines ({}) lines",
                self.max_lines
            )));
        }
        if total > self.max_bytes {
            return Err(SourceError::Limit(format!(
                "query reads more than max_bytes ({}) bytes",
                self.max_bytes
            )));
        }
        if before / CHECK_EVERY != lines / CHECK_EVERY { self.time() } else { Ok(()) }
    }

    pub fn time(&self) -> Result<(), SourceError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(SourceError::Canceled);
        }
        if Instant::now() > self.deadline {
            return Err(SourceError::Timeout);
        }
        Ok(())
    }

    pub fn series(&self, n: usize) -> Result<(), SourceError> {
        if n > self.max_series {
            return Err(SourceError::Limit(format!(
                "maximum of series ({}) reached for a single query",
                self.max_series
            )));
        }
        Ok(())
    }

    /// Accounts for values that stay in memory.
    pub fn hold(&self, n: usize) -> Result<(), SourceError> {
        if self.held.fetch_add(n, Ordering::Relaxed) + n > self.max_samples {
            return Err(SourceError::Limit(format!(
                "query holds more than max_samples ({}) samples",
                self.max_samples
            )));
        }
        Ok(())
    }

    pub fn release_all(&self) {
        self.held.store(0, Ordering::Relaxed);
    }

    /// Gives back what [`Budget::hold`] counted.
    pub fn release(&self, n: usize) {
        self.held.fetch_sub(n, Ordering::Relaxed);
    }
}
