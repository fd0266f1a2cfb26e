//! How many reports are taken: of one client, of one page view, and at all. In this process; two take twice as many.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::throttle::Throttle;

/// Behind one address may be an office, so this is far more than one reader sends.
const BY_CLIENT: u32 = 120;
const CLIENT_WINDOW: Duration = Duration::from_mins(1);
/// As many as the script sends at most.
pub const BY_VIEW: u32 = 4;
const VIEW_WINDOW: Duration = Duration::from_hours(1);
/// Reports a second, however many send: a report costs as much as a quick page.
const OVERALL: u32 = 200;
const SECOND: Duration = Duration::from_secs(1);

/// The limits, with what was counted.
pub struct Limits {
    by_client: Throttle,
    by_view: Throttle,
    overall: Mutex<(Instant, u32)>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            by_client: Throttle::new(BY_CLIENT, CLIENT_WINDOW),
            by_view: Throttle::new(BY_VIEW, VIEW_WINDOW),
            overall: Mutex::new((Instant::now(), 0)),
        }
    }
}

impl Limits {
    /// Counts a report of a client. When there were too many: the seconds to wait.
    pub fn admit(&self, client: &str) -> Result<(), u64> {
        let now = Instant::now();
        self.by_client.count(client, now)?;
        let mut overall = self.overall.lock();
        if now.saturating_duration_since(overall.0) >= SECOND {
            *overall = (now, 0);
        }
        if overall.1 >= OVERALL {
            return Err(1);
        }
        overall.1 += 1;
        Ok(())
    }

    /// Counts a report of a page view.
    pub fn count_view(&self, mark: &str) -> Result<(), u64> {
        self.by_view.count(mark, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_cannot_use_up_what_all_may_send() {
        let limits = Limits::default();
        let admitted = (0..BY_CLIENT + 5).filter(|_| limits.admit("a").is_ok()).count();
        assert_eq!(admitted as u32, BY_CLIENT);
        assert!(limits.admit("b").is_ok());
    }

    #[test]
    fn all_together_are_limited_too() {
        let limits = Limits::default();
        *limits.overall.lock() = (Instant::now() + CLIENT_WINDOW, 0);
        let admitted = (0..OVERALL + 50).filter(|n| limits.admit(&n.to_string()).is_ok()).count();
        assert_eq!(admitted as u32, OVERALL);
    }

    #[test]
    fn one_view_has_as_many_as_the_script_sends() {
        let limits = Limits::default();
        assert_eq!((0..10).filter(|_| limits.count_view("v").is_ok()).count() as u32, BY_VIEW);
        let script = include_str!("../../assets/rum.js");
        assert!(script.contains(&format!("const MOST_BEACONS = {BY_VIEW},")));
    }
}
