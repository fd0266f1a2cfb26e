//! Circuit breaker of one instance: after some failures in a row it is left alone for a while, then one call may try.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The breaker of one instance.
#[derive(Debug)]
pub(super) struct Breaker {
    threshold: u32,
    cooldown: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    closed_until: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(threshold: u32, cooldown: Duration) -> Self {
        Self { threshold, cooldown, state: Mutex::default() }
    }

    /// Whether a call may go through. While broken, one call a cooldown may try.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        match state.closed_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.closed_until = Some(now + self.cooldown);
                true
            }
        }
    }

    pub(super) fn succeeded(&self) {
        *self.state.lock() = State::default();
    }

    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.state.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= self.threshold {
            state.closed_until = Some(now + self.cooldown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_instance_is_left_alone_then_tried_once() {
        let breaker = Breaker::new(2, Duration::from_secs(1));
        let start = Instant::now();
        breaker.failed(start);
        assert!(breaker.allows(start));
        breaker.failed(start);
        assert!(!breaker.allows(start));
        let later = start + Duration::from_millis(1500);
        assert!(breaker.allows(later), "one call may try");
        assert!(!breaker.allows(later), "and only one");
        breaker.succeeded();
        assert!(breaker.allows(later));
    }
}
