//! How often one thing is logged: what strangers cause must not fill the log.

use std::sync::Arc;

use parking_lot::Mutex;

const MINUTE_MS: i64 = 60_000;
/// Of one kind, in a minute.
pub const MAX_LINES: u32 = 60;

/// Lines of one kind. Cheap to clone; clones count together.
#[derive(Clone, Default)]
pub struct LineBudget(Arc<Mutex<Told>>);

/// Lines of the present minute.
#[derive(Default)]
struct Told {
    since_ms: i64,
    lines: u32,
}

impl LineBudget {
    /// Does `line` unless this minute has had its lines; the first that is left out says `more`.
    pub fn tell(&self, now_ms: i64, more: &'static str, line: impl FnOnce()) {
        let before = self.0.lock().line(now_ms);
        match before {
            before if before < MAX_LINES => line(),
            MAX_LINES => tracing::warn!("{more}"),
            _ => {}
        }
    }
}

impl Told {
    /// How many lines this minute has had; one more from now on.
    fn line(&mut self, now_ms: i64) -> u32 {
        if !(0..MINUTE_MS).contains(&(now_ms - self.since_ms)) {
            *self = Self { since_ms: now_ms, lines: 0 };
        }
        let before = self.lines;
        self.lines = before.saturating_add(1);
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_lines_and_the_next_one_too() {
        let (budget, mut told) = (LineBudget::default(), 0);
        for at_ms in [0, 59_999, 60_000] {
            for _ in 0..2 * MAX_LINES {
                budget.tell(at_ms, "more", || told += 1);
            }
        }
        assert_eq!(told, 2 * MAX_LINES);
    }
}
