//! What every use case needs.

use std::sync::Arc;
use std::time::Duration;

use shop_contracts::PaymentId;
use shop_contracts::payments::Authorisation;
use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::{Code, Problem};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::provider::PaymentProvider;
use crate::storage::PgPayments;
use crate::storage::begin::Turn;
use crate::telemetry::PaymentMetrics;

/// What reading and writing rows takes at most beside the calls under a lease.
const WRITING: Duration = Duration::from_secs(5);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the provider may take to answer one call.
    pub call: Duration,
    /// How long a request waits for an operation, its own or somebody else's.
    pub answer: Duration,
    /// How old a hold may become that nobody captures.
    pub hold_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call: Duration::from_millis(2500),
            answer: Duration::from_secs(8),
            // Card issuers let a hold go after a week.
            hold_age: Duration::from_hours(6 * 24),
        }
    }
}

/// Everything that the use cases need. Clones share it.
#[derive(Clone)]
pub struct Payments {
    pub store: PgPayments,
    pub provider: Arc<dyn PaymentProvider>,
    pub metrics: PaymentMetrics,
    pub clock: SharedClock,
    pub limits: Limits,
    /// Calls of the provider under way: no request's end cuts them off.
    pub calls: TaskTracker,
    /// Wakes the reconciler.
    pub wake: Arc<Notify>,
}

impl Payments {
    /// With default limits.
    pub fn new(
        store: PgPayments,
        provider: Arc<dyn PaymentProvider>,
        metrics: PaymentMetrics,
        clock: SharedClock,
    ) -> Self {
        Self {
            store,
            provider,
            metrics,
            clock,
            limits: Limits::default(),
            calls: TaskTracker::new(),
            wake: Arc::default(),
        }
    }

    /// One authorisation by its id.
    pub async fn get(&self, id: PaymentId) -> Result<Authorisation, Problem> {
        let found = self.store.find(id).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "no such authorisation"))
    }

    /// The moment, with a lease that outlives a look at the provider's books, the call that may follow it, and the
    /// writing of the answer.
    pub(crate) fn turn(&self) -> Turn {
        self.turn_for(2 * self.limits.call)
    }

    /// The moment, with a lease that outlives work that takes so long at most.
    pub(crate) fn turn_for(&self, work: Duration) -> Turn {
        let lease = work + WRITING;
        Turn {
            now: self.clock.now(),
            lease: chrono::Duration::from_std(lease).unwrap_or(chrono::Duration::MAX),
        }
    }
}

/// The provider's answer is not known yet; it will be.
pub(crate) fn not_known() -> Problem {
    Problem::new(Code::InProgress, "the payment provider's answer is not known yet").retry_after(1)
}
