//! Whether and when an attempt is repeated. What may have had an effect is sent again only if the callee does the work
//! once however often it is asked, within a budget, after a pause with jitter; `Retry-After` is honoured.

use std::time::Duration;

use super::budget::Budget;
use super::failure::Failure;

/// First pause at most; it doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Longest pause before jitter.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What is known when an attempt has failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempted {
    /// How many attempts there were, this one included.
    pub(super) attempts: usize,
    /// How many may be sent.
    pub(super) max_attempts: usize,
    /// How many endpoints there are: each may be tried once while nothing gets sent.
    pub(super) endpoints: usize,
    /// Whether the call may be sent again.
    pub(super) is_repeatable: bool,
    /// What is left of the call's time.
    pub(super) left: Duration,
}

impl Attempted {
    /// How long to wait before the next attempt; nothing when there is to be none. `draw` is a random share, 0 to 1.
    pub(super) fn next(self, failure: &Failure, budget: &Budget, draw: f64) -> Option<Duration> {
        let pause = backoff(self.attempts).mul_f64(draw);
        if failure.was_not_sent() {
            // Another endpoint at once; then around again, as long as attempts are left.
            let is_another = self.attempts < self.endpoints;
            let pause = if is_another { Duration::ZERO } else { pause };
            let goes_on = is_another || self.attempts < self.max_attempts;
            return (goes_on && pause < self.left).then_some(pause);
        }
        // One that asked to be left alone is left alone; another endpoint need not wait for it.
        let asked = failure.retry_after().filter(|_| self.endpoints < 2).unwrap_or_default();
        let pause = pause.max(asked);
        let may = self.is_repeatable && self.attempts < self.max_attempts && pause < self.left;
        (may && budget.spend()).then_some(pause)
    }
}

fn backoff(attempts: usize) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16) as u32;
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::super::call::Answer;
    use super::*;
    use bytes::Bytes;
    use reqwest::header::{HeaderMap, RETRY_AFTER};

    const FRESH: Attempted = Attempted {
        attempts: 1,
        max_attempts: 3,
        endpoints: 1,
        is_repeatable: true,
        left: Duration::from_secs(5),
    };

    fn not_now(retry_after: Option<&str>) -> Failure {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, value.parse().unwrap());
        }
        Failure::NotNow(Answer { status: 503, headers, body: Bytes::new() })
    }

    #[test]
    fn only_safe_calls_are_repeated_and_only_so_often() {
        let budget = Budget::default();
        let lost = Failure::Timeout { in_full: true };
        assert!(FRESH.next(&lost, &budget, 0.5).is_some());
        assert!(Attempted { is_repeatable: false, ..FRESH }.next(&lost, &budget, 0.5).is_none());
        assert!(Attempted { attempts: 3, ..FRESH }.next(&lost, &budget, 0.5).is_none());
    }

    #[test]
    fn spent_budget_ends_repeats() {
        let budget = Budget::default();
        while budget.spend() {}
        assert!(FRESH.next(&not_now(None), &budget, 0.5).is_none());
    }

    #[test]
    fn wish_to_be_left_alone_is_honoured_or_the_call_ends() {
        let budget = Budget::default();
        assert_eq!(FRESH.next(&not_now(Some("2")), &budget, 0.5), Some(Duration::from_secs(2)));
        assert_eq!(FRESH.next(&not_now(Some("60")), &budget, 0.5), None, "longer than the call has");
        let other = Attempted { endpoints: 2, ..FRESH }.next(&not_now(Some("60")), &budget, 0.5);
        assert_eq!(other, Some(Duration::from_millis(10)), "the other endpoint has asked for nothing");
    }

    #[test]
    fn pauses_grow_and_have_an_end() {
        assert_eq!(backoff(1), Duration::from_millis(20));
        assert_eq!(backoff(3), Duration::from_millis(80));
        assert_eq!(backoff(40), LONGEST_PAUSE);
    }
}
