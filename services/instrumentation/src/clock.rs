//! The one place that reads the wall clock. Domain code takes `now` as an argument; whoever calls it asks here.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::faults;

/// Source of the present time; tests pass `shop_testkit::MockClock`.
pub trait Clock: Send + Sync + 'static {
    /// The present time in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock that many parts of a service hold.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        now()
    }
}

/// The machine's clock behind the shared type.
pub fn system() -> SharedClock {
    Arc::new(SystemClock)
}

/// The present time, rounded to microseconds so that it survives a round trip through Postgres unchanged.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> DateTime<Utc> {
    let now = Utc::now() + faults::clock_ahead();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}
