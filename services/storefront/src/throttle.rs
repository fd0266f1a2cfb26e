//! So many tries in so much time, a key each. In this process alone: two instances allow twice as many.
//!
//! Bounded: when there are too many keys, those that began first make room, one for each that comes.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

const MOST_KEYS: usize = 10_000;

/// A limit on tries.
pub struct Throttle {
    tries: u32,
    window: Duration,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    /// When the window of a key began, and the tries in it.
    keys: HashMap<String, (Instant, u32)>,
    /// Windows in the order in which they began; one that was begun anew since stands further behind as well.
    begun: VecDeque<(Instant, String)>,
}

impl Throttle {
    /// At most so many tries within the window that begins with the first.
    pub fn new(tries: u32, window: Duration) -> Self {
        Self { tries, window, counted: Mutex::default() }
    }

    /// Whether one more try would be within the limit. Counts nothing.
    pub fn has_room(&self, key: &str, now: Instant) -> bool {
        let counted = self.counted.lock();
        let found = counted.keys.get(key);
        found.is_none_or(|(began, count)| {
            *count < self.tries || now.saturating_duration_since(*began) >= self.window
        })
    }

    /// Counts a try. When there were too many: the seconds to wait.
    pub fn count(&self, key: &str, now: Instant) -> Result<(), u64> {
        let mut counted = self.counted.lock();
        if let Some((began, count)) = counted.keys.get_mut(key) {
            let passed = now.saturating_duration_since(*began);
            if passed < self.window {
                if *count >= self.tries {
                    return Err(self.window.saturating_sub(passed).as_secs() + 1);
                }
                *count += 1;
                return Ok(());
            }
        }
        counted.begin(key, now);
        Ok(())
    }
}

impl Counted {
    fn begin(&mut self, key: &str, now: Instant) {
        self.keys.insert(key.to_owned(), (now, 1));
        self.begun.push_back((now, key.to_owned()));
        while self.keys.len() > MOST_KEYS || self.begun.len() > 2 * MOST_KEYS {
            let Some((began, key)) = self.begun.pop_front() else { return };
            // Otherwise it was begun anew since.
            if self.keys.get(&key).is_some_and(|(since, _)| *since == began) {
                self.keys.remove(&key);
            }
        }
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
    fn a_key_that_comes_for_ever_takes_no_more_room() {
        let throttle = Throttle::new(1, Duration::from_secs(1));
        let start = Instant::now();
        for n in 0..3 * MOST_KEYS as u64 {
            assert!(throttle.count("a", start + Duration::from_secs(n)).is_ok());
        }
        assert!(throttle.counted.lock().begun.len() <= 2 * MOST_KEYS);
        assert!(throttle.count("a", start + Duration::from_secs(3 * MOST_KEYS as u64 - 1)).is_err());
    }

    #[test]
    fn keys_are_bounded() {
        let throttle = Throttle::new(1, Duration::from_mins(1));
        let now = Instant::now();
        for n in 0..MOST_KEYS + 10 {
            let _ = throttle.count(&n.to_string(), now);
        }
        assert!(throttle.counted.lock().keys.len() <= MOST_KEYS);
    }

    #[test]
    fn a_flood_of_new_keys_pushes_out_the_oldest_and_not_everybody() {
        let throttle = Throttle::new(1, Duration::from_mins(1));
        let start = Instant::now();
        for n in 0..MOST_KEYS {
            assert!(throttle.count(&format!("early {n}"), start).is_ok());
        }
        assert!(throttle.count("one more", start + Duration::from_secs(1)).is_ok());
        let later = start + Duration::from_secs(2);
        assert!(throttle.count("early 0", later).is_ok(), "the first has made room");
        assert!(throttle.count("early 9", later).is_err() && throttle.count("one more", later).is_err());
    }
}
