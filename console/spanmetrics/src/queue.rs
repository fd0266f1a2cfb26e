//! Batches between ingest, which never waits, and the thread that counts.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::batch::Batch;

#[derive(Default)]
struct State {
    batches: VecDeque<Batch>,
    bytes: usize,
    is_closed: bool,
}

/// What the reader gets.
#[derive(Debug)]
pub(crate) enum Next {
    Batch(Batch),
    /// Nothing came until then.
    Idle,
    /// Nothing will come any more.
    Closed,
}

/// Holds at most its bytes and one batch.
pub(crate) struct Queue {
    max_bytes: usize,
    state: Mutex<State>,
    filled: Condvar,
}

impl Queue {
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, state: Mutex::default(), filled: Condvar::new() }
    }

    /// Whether a batch would be taken; saves making one for nothing.
    pub fn has_room(&self) -> bool {
        let state = self.state.lock();
        !state.is_closed && state.bytes < self.max_bytes
    }

    /// Takes a batch, or gives it back when there is no room.
    pub fn push(&self, batch: Batch) -> Result<(), Batch> {
        let mut state = self.state.lock();
        if state.is_closed || state.bytes >= self.max_bytes {
            return Err(batch);
        }
        state.bytes += batch.bytes();
        state.batches.push_back(batch);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// The next batch, waited for until `until`. What was taken before the end comes before it.
    pub fn next(&self, until: Instant) -> Next {
        let mut state = self.state.lock();
        loop {
            if let Some(batch) = state.batches.pop_front() {
                state.bytes -= batch.bytes();
                return Next::Batch(batch);
            }
            if state.is_closed {
                return Next::Closed;
            }
            if until.saturating_duration_since(Instant::now()) == Duration::ZERO {
                return Next::Idle;
            }
            self.filled.wait_until(&mut state, until);
        }
    }

    /// Nothing is taken any more.
    pub fn close(&self) {
        self.state.lock().is_closed = true;
        self.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::SpanMetricsConfig, testing::span};

    fn batch(n: u64) -> Batch {
        let spans: Vec<_> = (1..=n).map(|n| span(1, n, None)).collect();
        Batch::of(&spans, &SpanMetricsConfig::default()).remove(0)
    }

    #[test]
    fn a_full_queue_gives_back_and_an_emptied_one_takes_again() {
        let queue = Queue::new(100);
        let soon = Instant::now();
        assert!(queue.push(batch(10)).is_ok(), "an empty queue takes what is larger than itself");
        assert!(!queue.has_room());
        assert_eq!(queue.push(batch(3)).map_err(|b| b.records.len()), Err(3));
        assert!(matches!(queue.next(soon), Next::Batch(b) if b.records.len() == 10));
        assert!(matches!(queue.next(soon), Next::Idle));
        assert!(queue.push(batch(2)).is_ok());
        queue.close();
        assert!(queue.push(batch(1)).is_err() && !queue.has_room());
        assert!(matches!(queue.next(soon), Next::Batch(b) if b.records.len() == 2));
        assert!(matches!(queue.next(soon), Next::Closed));
    }
}
