//! What all use cases share.

use std::time::Duration;

use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::faults::Faults;
use shop_instrumentation::{Code, Problem};

use crate::password::Passwords;
use crate::storage::accounts::PgAccounts;
use crate::storage::addresses::PgAddresses;
use crate::storage::carts::PgCarts;
use crate::storage::confirmations::PgConfirmations;
use crate::storage::deletions::PgDeletions;
use crate::storage::registrations::PgRegistrations;
use crate::storage::resets::PgResets;
use crate::storage::sessions::PgSessions;
use crate::storage::staff::PgStaff;
use crate::storage::staff_members::PgStaffMembers;
use crate::telemetry::{ERRORS, IdentityMetrics, LATENCY};
use crate::throttle::{Decision, Subject, Throttle};

/// Everything that the use cases need.
#[derive(Clone)]
pub struct Identity {
    pub accounts: PgAccounts,
    pub registrations: PgRegistrations,
    pub confirmations: PgConfirmations,
    pub sessions: PgSessions,
    pub resets: PgResets,
    pub addresses: PgAddresses,
    pub carts: PgCarts,
    pub deletions: PgDeletions,
    pub staff: PgStaff,
    pub staff_members: PgStaffMembers,
    pub passwords: Passwords,
    pub throttles: Throttles,
    pub metrics: IdentityMetrics,
    pub faults: Faults,
    pub clock: SharedClock,
    /// How long a session lives.
    pub session_ttl: Duration,
}

/// One for each thing that may be asked for only so often.
#[derive(Clone)]
pub struct Throttles {
    /// Trying shoppers' passwords, wherever they are asked for.
    pub log_in: Throttle,
    /// Registering.
    pub register: Throttle,
    /// Asking for a new password by mail.
    pub reset: Throttle,
    /// Opening mailed links.
    pub links: Throttle,
    /// Trying staff's passwords.
    pub staff: Throttle,
}

impl Identity {
    /// Shows the faults that are switched on.
    pub(crate) async fn inject_faults(&self) -> Result<(), Problem> {
        self.faults.delay(LATENCY).await;
        if self.faults.is_active(ERRORS) {
            tracing::error!("request failed by an injected fault");
            return Err(Problem::new(Code::Internal, "the service failed to handle the request"));
        }
        Ok(())
    }

    /// Counts one try, or refuses it and says when to come back.
    pub(crate) async fn admit(
        &self,
        throttle: &Throttle,
        subject: &Subject,
        refusal: &'static str,
    ) -> Result<(), Problem> {
        match throttle.attempt(subject, self.clock.now()).await {
            Decision::Allowed => Ok(()),
            Decision::Wait { seconds } => {
                tracing::warn!(retry_after_seconds = seconds, scope = throttle.scope(), "request throttled");
                Err(Problem::new(Code::RateLimited, refusal).retry_after(seconds))
            }
        }
    }
}

/// The answer for an account that is not there (any more).
pub(crate) fn no_account() -> Problem {
    Problem::new(Code::NotFound, "there is no such account")
}
