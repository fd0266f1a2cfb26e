//! How much one evaluation may cost.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
    pub lines: Cell<u64>,
    pub bytes: Cell<u64>,
}

impl Budget {
    /// Accounts for one line read.
    pub fn line(&self, bytes: usize) -> Result<(), SourceError> {
        let (lines, total) = (self.lines.get() + 1, self.bytes.get() + bytes as u64);
        self.lines.set(lines);
        self.bytes.set(total);
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
        if lines.is_multiple_of(CHECK_EVERY) { self.time() } else { Ok(()) }
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

    pub fn samples(&self, n: usize) -> Result<(), SourceError> {
        if n > self.max_samples {
            return Err(SourceError::Limit(format!(
                "query holds more than max_samples ({}) samples",
                self.max_samples
            )));
        }
        Ok(())
    }
}
