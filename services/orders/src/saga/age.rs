//! How old each step may grow before it ends in its defined way.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shop_contracts::orders::PAYMENT_DECIDED_WITHIN_MINUTES;
use shop_instrumentation::config::Env;

use super::step::Step;

/// Age limits, counted from when the step was written.
#[derive(Debug, Clone, Copy)]
pub struct AgeLimits {
    /// Then the order is rejected.
    pub reserve: Duration,
    /// Then its payment is abandoned and the order rejected.
    pub authorise: Duration,
    /// Then money and stock are given back and the order rejected.
    pub confirm: Duration,
    /// Then a person looks at it.
    pub capture: Duration,
    /// Abandon, void, release: then a person looks at it.
    pub undo: Duration,
    /// Each step of a refund: then a person looks at it.
    pub give_back: Duration,
}

impl Default for AgeLimits {
    fn default() -> Self {
        Self {
            reserve: Duration::from_mins(2),
            authorise: Duration::from_mins(PAYMENT_DECIDED_WITHIN_MINUTES.unsigned_abs()),
            confirm: Duration::from_mins(10),
            capture: Duration::from_hours(1),
            undo: Duration::from_hours(1),
            give_back: Duration::from_hours(24),
        }
    }
}

impl AgeLimits {
    /// From `ORDERS_RESERVE_MAX_SECONDS` and its like; each at least one second.
    pub fn from_env(env: &mut Env) -> Self {
        let default = Self::default();
        let mut seconds = |name: &str, default: Duration| {
            let seconds: u64 = env.optional(name, default.as_secs());
            if seconds == 0 {
                env.note(format!("{name} must be at least 1"));
            }
            Duration::from_secs(seconds)
        };
        Self {
            reserve: seconds("ORDERS_RESERVE_MAX_SECONDS", default.reserve),
            authorise: seconds("ORDERS_AUTHORISE_MAX_SECONDS", default.authorise),
            confirm: seconds("ORDERS_CONFIRM_MAX_SECONDS", default.confirm),
            capture: seconds("ORDERS_CAPTURE_MAX_SECONDS", default.capture),
            undo: seconds("ORDERS_UNDO_MAX_SECONDS", default.undo),
            give_back: seconds("ORDERS_GIVE_BACK_MAX_SECONDS", default.give_back),
        }
    }

    /// Whether a step that was written at `since` is too old.
    pub fn exceeded(&self, step: Step, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let limit = match step {
            Step::Reserve => self.reserve,
            Step::Authorise => self.authorise,
            Step::Confirm => self.confirm,
            Step::Capture => self.capture,
            Step::Abandon | Step::Void | Step::Release => self.undo,
            Step::Done => return false,
        };
        is_older(since, now, limit)
    }
}

/// Whether `since` lies further back than `limit`.
pub fn is_older(since: DateTime<Utc>, now: DateTime<Utc>, limit: Duration) -> bool {
    (now - since).to_std().is_ok_and(|age| age > limit)
}
