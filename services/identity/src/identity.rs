//! What all use cases share.

use std::time::Duration;

use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::faults::Faults;
use shop_instrumentation::{Code, Problem};

use crate::password::Passwords;
use crate::storage::accounts::PgAccounts;
use crate::storage::sessions::PgSessions;
use crate::telemetry::{ERRORS, IdentityMetrics, LATENCY};
use crate::throttle::Throttle;

/// Everything that the use cases need.
#[derive(Clone)]
pub struct Identity {
    pub accounts: PgAccounts,
    pub sessions: PgSessions,
    pub passwords: Passwords,
    pub throttle: Throttle,
    pub metrics: IdentityMetrics,
    pub faults: Faults,
    pub clock: SharedClock,
    /// How long a session lives.
    pub session_ttl: Duration,
}

impl Identity {
    /// Shows the faults that are switched on.
    pub(crate) async fn suffer(&self) -> Result<(), Problem> {
        self.faults.delay(LATENCY).await;
        if self.faults.is_active(ERRORS) {
            tracing::error!("request failed by an injected fault");
            return Err(Problem::new(Code::Internal, "the service failed to handle the request"));
        }
        Ok(())
    }
}
