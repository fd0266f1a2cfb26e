//! A clock that stands still until the test moves it.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use parking_lot::Mutex;
use shop_instrumentation::clock::{Clock, SharedClock};

/// A clock for tests. Clones show the same time.
#[derive(Debug, Clone)]
pub struct MockClock {
    now: Arc<Mutex<DateTime<Utc>>>,
}

impl MockClock {
    /// Starts at noon of a fixed day, so that failures repeat.
    pub fn new() -> Self {
        Self::at(DateTime::from_timestamp(1_800_000_000, 0).expect("the instant exists"))
    }

    /// Starts at this time.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { now: Arc::new(Mutex::new(now)) }
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        *self.now.lock() += by;
    }

    /// Moves forward by whole seconds.
    pub fn advance_seconds(&self, seconds: i64) {
        self.advance(Duration::seconds(seconds));
    }

    /// As the type that services take.
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }
}

impl Default for MockClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MockClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock()
    }
}
