//! What one read may cost, and when it must stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use console_storage::{SourceError, trace_query::Inspected};

pub struct Budget {
    pub stop: Arc<AtomicBool>,
    pub deadline: Instant,
    pub max_traces: usize,
    pub inspected: Inspected,
}

/// Tells the read to stop when its caller goes away.
pub struct StopOnDrop(pub Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Budget {
    /// Before another trace of so many spans is looked at.
    pub fn trace(&mut self, spans: usize) -> Result<(), SourceError> {
        self.inspected.traces += 1;
        self.inspected.spans += spans as u64;
        if self.stop.load(Ordering::Relaxed) {
            return Err(SourceError::Canceled);
        }
        if Instant::now() > self.deadline {
            return Err(SourceError::Timeout);
        }
        if self.inspected.traces > self.max_traces as u64 {
            let limit = self.max_traces;
            return Err(SourceError::Limit(format!("the search looked at max_traces ({limit}) traces")));
        }
        Ok(())
    }
}
