//! So many tries in so much time, a key each. In this process alone: two instances allow twice as many.
//!
//! Bounded: when there are too many keys, those whose time is over go first, then all.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

const MOST_KEYS: usize = 10_000;

/// A limit on tries.
pub struct Throttle {
    tries: u32,
    window: Duration,
    keys: Mutex<HashMap<String, (Instant, u32)>>,
}

impl Throttle {
    /// At most so many tries within the window that begins with the first.
    pub fn new(tries: u32, window: Duration) -> Self {
        Self { tries, window, keys: Mutex::default() }
    }

    /// Counts a try. When there were too many: the seconds to wait.
    pub fn count(&self, key: &str, now: Instant) -> Result<(), u64> {
        let mut keys = self.keys.lock();
        if keys.len() >= MOST_KEYS && !keys.contains_key(key) {
            keys.retain(|_, (began, _)| now.saturating_duration_since(*began) < self.window);
            if keys.len() >= MOST_KEYS {
                keys.clear();
            }
        }
        let (began, count) = keys.entry(key.to_owned()).or_insert((now, 0));
        let passed = now.saturating_duration_since(*began);
        if passed >= self.window {
            (*began, *count) = (now, 0);
        } else if *count >= self.tries {
            return Err(self.window.saturating_sub(passed).as_secs() + 1);
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_counted_by_key_and_forgotten_after_the_window() {
        let throttle = Throttle::new(2, Duration::from_mins(1));
        let start = Instant::now();
        assert!(throttle.count("a", start).is_ok() && throttle.count("a", start).is_ok());
        assert_eq!(throttle.count("a", start + Duration::from_secs(20)), Err(41));
        assert!(throttle.count("b", start).is_ok());
        assert!(throttle.count("a", start + Duration::from_mins(1)).is_ok());
    }

    #[test]
    fn keys_are_bounded() {
        let throttle = Throttle::new(1, Duration::from_mins(1));
        let now = Instant::now();
        for n in 0..MOST_KEYS + 10 {
            let _ = throttle.count(&n.to_string(), now);
        }
        assert!(throttle.keys.lock().len() <= MOST_KEYS);
    }
}
