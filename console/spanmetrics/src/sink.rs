//! One flush: where samples go, their time, and what became of them.

use console_model::Labels;
use console_storage::metrics::{SampleAppender, SeriesBatch};

pub(crate) struct Sink<'a> {
    appender: &'a dyn SampleAppender,
    pub now_ms: i64,
    /// What nothing counted for since then ends.
    pub idle_since_ms: i64,
    /// How many exemplars may still be written.
    pub exemplars: usize,
    /// Samples that the store refused while it took others.
    pub rejected: u64,
    /// Appends that failed as a whole.
    pub failed: u64,
}

impl<'a> Sink<'a> {
    pub fn new(appender: &'a dyn SampleAppender, now_ms: i64, idle_since_ms: i64, exemplars: usize) -> Self {
        Self { appender, now_ms, idle_since_ms, exemplars, rejected: 0, failed: 0 }
    }

    /// Whether the store has it now.
    pub fn append(&mut self, batch: &[SeriesBatch]) -> bool {
        if batch.is_empty() {
            return true;
        }
        match self.appender.append(batch) {
            Ok((outcome, reason)) => {
                if let Some(reason) = reason.filter(|_| self.rejected == 0) {
                    tracing::warn!(%reason, rejected = outcome.rejected, "samples derived from spans were refused");
                }
                self.rejected += outcome.rejected;
                true
            }
            Err(reason) => {
                if self.failed == 0 {
                    tracing::warn!(%reason, "samples derived from spans could not be stored");
                }
                self.failed += 1;
                false
            }
        }
    }

    pub fn known(&self, labels: &Labels) -> Option<Labels> {
        self.appender.known(labels)
    }
}
