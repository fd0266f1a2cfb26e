//! Leaves a Redis alone for a moment when several operations in a row of time failed or were slow.
//!
//! One slow operation counts against itself only: a large reply, a page fault or a scheduler's hiccup says nothing about
//! the next one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// When it opens and for how long.
#[derive(Debug, Clone, Copy)]
pub struct PauseConfig {
    /// Failures within `window` that open it; at least 1.
    pub failures: usize,
    pub window: Duration,
    /// How long nobody asks.
    pub pause: Duration,
}

impl PauseConfig {
    /// Opens after five failures within a second.
    pub fn of(pause: Duration) -> Self {
        Self { failures: 5, window: Duration::from_secs(1), pause }
    }
}

/// Counts failures of one Redis.
#[derive(Debug)]
pub struct Pause {
    config: PauseConfig,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// At most as many as open the pause.
    failed: VecDeque<Instant>,
    until: Option<Instant>,
}

impl Pause {
    pub fn new(config: PauseConfig) -> Self {
        Self { config, state: Mutex::default() }
    }

    /// Whether Redis is left alone.
    pub fn is_open(&self, now: Instant) -> bool {
        self.state.lock().until.is_some_and(|until| now < until)
    }

    /// An operation failed, or took too long. True when this one opened the pause.
    pub fn failed(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let window = self.config.window;
        state.failed.push_back(now);
        while state.failed.front().is_some_and(|at| now.saturating_duration_since(*at) > window) {
            state.failed.pop_front();
        }
        if state.failed.len() < self.config.failures.max(1) {
            return false;
        }
        state.failed.clear();
        state.until = Some(now + self.config.pause);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: PauseConfig =
        PauseConfig { failures: 3, window: Duration::from_secs(1), pause: Duration::from_secs(2) };

    #[test]
    fn one_slow_operation_stops_nobody_and_several_do_for_a_while() {
        let (pause, start) = (Pause::new(CONFIG), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!pause.failed(at(0)) && !pause.is_open(at(1)), "one says nothing");
        assert!(!pause.failed(at(2_000)) && !pause.failed(at(2_100)) && !pause.is_open(at(2_101)));
        assert!(pause.failed(at(2_200)) && pause.is_open(at(2_201)), "the third within a second");
        assert!(pause.is_open(at(4_199)) && !pause.is_open(at(4_200)));
        assert!(!pause.failed(at(4_300)), "what was before the pause is forgotten");
    }

    #[test]
    fn failures_that_lie_apart_never_add_up() {
        let (pause, start) = (Pause::new(CONFIG), Instant::now());
        for second in 0..100 {
            assert!(!pause.failed(start + Duration::from_millis(600 * second)));
        }
    }
}
