//! What time it is for retention by age.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The wall clock, which is not believed when it jumps far ahead: what is stored would be past its retention at once.
///
/// A jump is what the wall clock gained on the time that this process has run. While it is ahead by more than the
/// limit, retention goes on as if it had not jumped, until it is back or the process starts anew.
#[derive(Debug)]
pub struct RetentionClock {
    /// Nothing: every jump is believed.
    max_jump_ms: Option<i64>,
    began: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// The latest time that was believed; nothing before the first.
    latest_ms: Option<i64>,
    /// How long the process had run then.
    running: Duration,
    is_ahead: bool,
}

impl RetentionClock {
    /// Believes everything.
    pub fn wall() -> Self {
        Self::new(None, None)
    }

    /// Believes jumps of up to `max_jump_ms`. `last_ran_ms` is when something was last stored, which the first reading is
    /// compared with.
    pub fn guarded(max_jump_ms: i64, last_ran_ms: Option<i64>) -> Self {
        Self::new(Some(max_jump_ms), last_ran_ms)
    }

    fn new(max_jump_ms: Option<i64>, latest_ms: Option<i64>) -> Self {
        let seen = Seen { latest_ms, running: Duration::ZERO, is_ahead: false };
        Self { max_jump_ms, began: Instant::now(), seen: Mutex::new(seen) }
    }

    /// Milliseconds since the Unix epoch from which ages are counted when the wall clock says `wall_ms`.
    pub fn at(&self, wall_ms: i64) -> i64 {
        self.after(wall_ms, self.began.elapsed())
    }

    fn after(&self, wall_ms: i64, running: Duration) -> i64 {
        let Some(max_jump_ms) = self.max_jump_ms else { return wall_ms };
        let mut seen = self.seen.lock();
        let passed = i64::try_from(running.saturating_sub(seen.running).as_millis()).unwrap_or(i64::MAX);
        let expected_ms = seen.latest_ms.map_or(wall_ms, |latest| latest.saturating_add(passed));
        let is_ahead = wall_ms > expected_ms.saturating_add(max_jump_ms);
        if is_ahead && !seen.is_ahead {
            tracing::warn!(
                ahead_ms = wall_ms - expected_ms,
                max_jump_ms,
                "the clock jumped ahead: retention by age does not follow; restart the console if the clock is right"
            );
        }
        // A clock that went back and comes forward again has not jumped.
        let latest_ms = if is_ahead { expected_ms } else { expected_ms.max(wall_ms) };
        *seen = Seen { latest_ms: Some(latest_ms), running, is_ahead };
        wall_ms.min(latest_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const HOURS: Duration = Duration::from_hours(1);

    #[test]
    fn a_jump_ahead_is_not_followed_until_the_clock_is_back() {
        let clock = RetentionClock::guarded(12 * HOUR, None);
        assert_eq!(clock.after(0, HOURS), 0);
        assert_eq!(clock.after(24 * 365 * HOUR, HOURS * 2), HOUR);
        assert_eq!(clock.after(24 * 365 * HOUR + HOUR, HOURS * 3), 2 * HOUR);
        assert_eq!(clock.after(3 * HOUR, HOURS * 4), 3 * HOUR);
        // A machine that slept over night.
        assert_eq!(clock.after(12 * HOUR, HOURS * 5), 12 * HOUR);
    }

    #[test]
    fn a_clock_that_was_set_back_comes_forward_again() {
        let clock = RetentionClock::guarded(12 * HOUR, None);
        assert_eq!(clock.after(100 * HOUR, HOURS), 100 * HOUR);
        assert_eq!(clock.after(10 * HOUR, HOURS * 2), 10 * HOUR);
        assert_eq!(clock.after(102 * HOUR, HOURS * 3), 102 * HOUR);
    }

    #[test]
    fn the_first_reading_is_compared_with_when_something_was_last_stored() {
        assert_eq!(RetentionClock::guarded(12 * HOUR, Some(0)).after(11 * HOUR, HOURS), 11 * HOUR);
        assert_eq!(RetentionClock::guarded(12 * HOUR, Some(0)).after(99 * HOUR, HOURS), HOUR);
        assert_eq!(RetentionClock::wall().after(99 * HOUR, HOURS), 99 * HOUR);
    }
}
