//! The lease on an event that is being sent.
//!
//! Sending has no bound that could be trusted (a mail server that dawdles, a disk that hangs, a machine that was
//! paused), so no fixed length is ever long enough. Whoever sends extends the lease while at it; whoever finds it lost
//! stops.

use std::time::Duration;

use shop_instrumentation::clock::SharedClock;
use uuid::Uuid;

use crate::storage::postgres::PgDeliveries;

/// How long an event is left alone after its sender was last heard of.
pub const LENGTH: Duration = Duration::from_secs(15);

/// How leases are held.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// How long nobody else touches an event after the lease was taken or extended.
    pub length: Duration,
    /// How often it is extended; several times within its length, so that one lost statement does not lose it.
    pub extend_every: Duration,
}

impl Default for Lease {
    fn default() -> Self {
        Self { length: LENGTH, extend_every: LENGTH / 5 }
    }
}

impl Lease {
    /// Extends the lease of a try again and again. Returns when it is lost: another try has begun, or the database
    /// could not be reached for the whole length of it.
    pub async fn keep(&self, deliveries: &PgDeliveries, clock: &SharedClock, event_id: Uuid, attempt: i32) {
        let mut held_until = clock.now() + self.length;
        loop {
            tokio::time::sleep(self.extend_every).await;
            let until = clock.now() + self.length;
            match deliveries.extend(event_id, attempt, until).await {
                Ok(true) => held_until = until,
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "lease could not be extended");
                    if clock.now() >= held_until {
                        return;
                    }
                }
            }
        }
    }
}
