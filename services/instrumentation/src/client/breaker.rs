//! Circuit breaker of one endpoint. Closed: calls go through. Open: after some failures in a row none does, for a while.
//! Half-open: then one call may try, and its outcome decides.
//!
//! A breaker that lost connections opened is let through all the same when no other endpoint takes calls: to be refused
//! once more costs nothing, and an instance that was replaced a moment ago answers.
//!
//! What counts as a failure is decided by [`Outcome`]: a lost connection, no answer in time, an answer that says "not
//! now". A refusal of the callee, or a fault of the caller, is an answer like any other and closes the breaker.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The breaker of one endpoint.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_to_open: u32,
    cooldown: Duration,
    state: Mutex<State>,
}

/// What a call tells about the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It answered, whatever it said.
    Answered,
    /// It could not be reached: nothing was sent.
    Unreachable,
    /// It did not answer, or said "not now".
    Failed,
    /// Nothing: the caller had no time to wait for it.
    Unknown,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
        why: Outcome,
    },
    /// One call is trying; if nothing is heard of it by then, another may.
    HalfOpen {
        until: Instant,
        why: Outcome,
    },
}

impl Breaker {
    pub(super) fn new(failures_to_open: u32, cooldown: Duration) -> Self {
        Self { failures_to_open, cooldown, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether a call may go through now. A call that is let through while half-open is the one that tries.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        match *state {
            State::Closed { .. } => true,
            State::Open { until, .. } | State::HalfOpen { until, .. } if now < until => false,
            State::Open { why, .. } | State::HalfOpen { why, .. } => {
                *state = State::HalfOpen { until: now + self.cooldown, why };
                true
            }
        }
    }

    /// Whether a call may go through when there is nowhere else to go.
    pub(super) fn allows_as_last_resort(&self) -> bool {
        match *self.state.lock() {
            State::Closed { .. } => true,
            State::Open { why, .. } | State::HalfOpen { why, .. } => why == Outcome::Unreachable,
        }
    }

    /// Takes note of how a call went.
    pub(super) fn record(&self, outcome: Outcome, now: Instant) {
        let mut state = self.state.lock();
        *state = match (outcome, *state) {
            (Outcome::Unknown, state) => state,
            (Outcome::Answered, _) => State::Closed { failures: 0 },
            (_, State::Closed { failures }) if failures + 1 < self.failures_to_open => {
                State::Closed { failures: failures + 1 }
            }
            (why, _) => State::Open { until: now + self.cooldown, why },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> (Breaker, Instant) {
        (Breaker::new(2, Duration::from_secs(1)), Instant::now())
    }

    #[test]
    fn opens_after_failures_in_a_row_and_lets_one_call_try() {
        let (breaker, start) = breaker();
        breaker.record(Outcome::Failed, start);
        assert!(breaker.allows(start));
        breaker.record(Outcome::Failed, start);
        assert!(!breaker.allows(start), "open");
        let later = start + Duration::from_millis(1500);
        assert!(breaker.allows(later), "half-open: one call may try");
        assert!(!breaker.allows(later), "and only one");
        breaker.record(Outcome::Answered, later);
        assert!(breaker.allows(later), "closed");
    }

    #[test]
    fn failed_try_opens_again_and_a_try_without_news_does_not_block_forever() {
        let (breaker, start) = breaker();
        breaker.record(Outcome::Failed, start);
        breaker.record(Outcome::Failed, start);
        let second = start + Duration::from_millis(1001);
        assert!(breaker.allows(second));
        breaker.record(Outcome::Failed, second);
        assert!(!breaker.allows(second + Duration::from_millis(999)));
        assert!(breaker.allows(second + Duration::from_secs(1)));
        assert!(breaker.allows(second + Duration::from_secs(2)), "nothing was heard of the last try");
    }

    #[test]
    fn lost_connections_leave_a_last_resort_and_silence_does_not() {
        for (outcome, last_resort) in [(Outcome::Unreachable, true), (Outcome::Failed, false)] {
            let (breaker, now) = breaker();
            (0..2).for_each(|_| breaker.record(outcome, now));
            assert_eq!((breaker.allows(now), breaker.allows_as_last_resort()), (false, last_resort));
            assert!(breaker.allows(now + Duration::from_secs(1)), "half-open");
            assert_eq!(breaker.allows_as_last_resort(), last_resort, "while another call tries");
        }
    }

    #[test]
    fn any_answer_ends_a_row_of_failures_and_no_time_to_wait_says_nothing() {
        let (breaker, now) = breaker();
        for _ in 0..5 {
            breaker.record(Outcome::Failed, now);
            breaker.record(Outcome::Answered, now);
        }
        assert!(breaker.allows(now));
        (0..100).for_each(|_| breaker.record(Outcome::Unknown, now));
        assert!(breaker.allows(now));
    }
}
