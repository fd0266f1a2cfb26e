//! Retry budget: repeats are at most a tenth of calls, plus a few in reserve, so that retries cannot become the load.

use std::sync::atomic::{AtomicI64, Ordering};

/// What one call earns, in hundredths of a repeat.
const EARNED: i64 = 10;
/// What one repeat costs.
const COST: i64 = 100;
/// The reserve at the start and at most.
const RESERVE: i64 = 20 * COST;

/// The budget of one client.
#[derive(Debug)]
pub(super) struct Budget(AtomicI64);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicI64::new(RESERVE))
    }
}

impl Budget {
    /// A call was made.
    pub(super) fn earn(&self) {
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some((left + EARNED).min(RESERVE)));
    }

    /// Whether a repeat may be made; pays for it if so.
    pub(super) fn spend(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| (left >= COST).then_some(left - COST))
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_a_share_of_calls() {
        let budget = Budget::default();
        let reserve = (0..1000).filter(|_| budget.spend()).count();
        assert_eq!(reserve, 20);
        (0..100).for_each(|_| budget.earn());
        assert_eq!((0..1000).filter(|_| budget.spend()).count(), 10);
    }
}
