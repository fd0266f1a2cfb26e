//! Counts in memory.

use std::{collections::HashMap, net::IpAddr};

use super::{Key, ThrottleConfig, Window, keys};

/// Counts of wrong log-ins.
pub struct Throttle {
    config: ThrottleConfig,
    windows: HashMap<Key, Window>,
}

impl Throttle {
    pub fn new(config: ThrottleConfig) -> Self {
        Self { config, windows: HashMap::new() }
    }

    /// Counts an attempt before its password is looked at, so that attempts at the same time cannot slip through.
    /// `Err` has the milliseconds to wait; a refused attempt does not count.
    pub fn attempt(&mut self, user: &str, address: IpAddr, now_ms: i64) -> Result<(), i64> {
        let keys = keys(user, address);
        let wait = keys.iter().filter_map(|key| self.wait(key, now_ms)).max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        for key in keys {
            // What is counted already needs no room, and must not make room for itself.
            if !self.windows.contains_key(&key) {
                self.make_room(now_ms);
            }
            let window = self.windows.entry(key).or_insert(Window { start_ms: now_ms, wrong: 0 });
            *window = window.counted(&self.config, now_ms);
        }
        Ok(())
    }

    /// The attempt was right (or could not be judged): the user's count is gone, the address gets this one back.
    pub fn forgive(&mut self, user: &str, address: IpAddr) {
        let [address, user] = keys(user, address);
        self.windows.remove(&user);
        if let Some(window) = self.windows.get_mut(&address) {
            window.wrong = window.wrong.saturating_sub(1);
        }
    }

    fn wait(&self, key: &Key, now_ms: i64) -> Option<i64> {
        self.windows.get(key)?.wait(key, &self.config, now_ms)
    }

    fn make_room(&mut self, now_ms: i64) {
        if self.windows.len() < self.config.max_keys {
            return;
        }
        self.windows.retain(|_, w| now_ms - w.start_ms < self.config.window_ms);
        while self.windows.len() >= self.config.max_keys {
            let oldest = self.windows.iter().min_by_key(|(_, w)| w.start_ms).map(|(k, _)| k.clone());
            let Some(oldest) = oldest else { return };
            self.windows.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::{Throttle, ThrottleConfig};

    fn from(n: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, n).into()
    }

    fn throttle() -> Throttle {
        Throttle::new(ThrottleConfig { max_per_user: 2, max_per_address: 3, window_ms: 1000, max_keys: 4 })
    }

    #[test]
    fn a_user_waits_after_too_many_wrong_log_ins_from_anywhere() {
        let mut throttle = throttle();
        assert_eq!(throttle.attempt("ann", from(1), 0), Ok(()));
        assert_eq!(throttle.attempt("ANN", from(2), 100), Ok(()));
        assert_eq!(throttle.attempt("ann", from(3), 400), Err(600));
        assert_eq!(throttle.attempt("ann", from(3), 1000), Ok(()));
    }

    #[test]
    fn an_address_waits_whatever_user_it_tries() {
        let mut throttle =
            Throttle::new(ThrottleConfig { max_keys: 100, max_per_address: 3, ..ThrottleConfig::default() });
        for user in ["a", "b", "c"] {
            assert_eq!(throttle.attempt(user, from(1), 0), Ok(()));
        }
        assert!(throttle.attempt("d", from(1), 0).is_err());
        assert_eq!(throttle.attempt("d", from(2), 0), Ok(()));
    }

    #[test]
    fn a_right_log_in_clears_its_user() {
        let mut throttle = throttle();
        for now in 0..10 {
            assert_eq!(throttle.attempt("ann", from(1), now), Ok(()));
            throttle.forgive("ann", from(1));
        }
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one() {
        let mut throttle = throttle();
        for n in 0..3u16 {
            let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, n, n, n, n).into();
            assert_eq!(throttle.attempt(&format!("u{n}"), address, 0), Ok(()));
        }
        let same = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9).into();
        assert!(throttle.attempt("x", same, 0).is_err());
        assert!(throttle.attempt("x", Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 9, 9, 9, 9).into(), 0).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let mut throttle = throttle();
        for n in 0..200 {
            let _ = throttle.attempt(&format!("u{n}"), from(n), i64::from(n));
            assert!(throttle.windows.len() <= 4);
        }
    }
}
