//! Slowing down those who try passwords, register, or ask for mails: tries are counted for the account, for the address
//! that they come from, and for both together, in windows of fixed length that start and end for everybody at the same
//! time. Each kind of try (a scope) counts apart.
//!
//! What must always hold: an address without an account is throttled like one with; no address of either kind is
//! readable in Redis; nobody keeps an owner out. So passwords are bounded for account and address together, and the
//! account's own bound, which is wide, holds up only those who have failed in this window already: from elsewhere the
//! right password gets in whatever others tried, and who has many addresses has one guess more from each. Registrations are
//! bounded for both together and for the address that asks, links for a new password by the latter alone; how many mails a
//! mailbox gets is for the one who sends them.
//!
//! Counts are in Redis, shared by all instances; while it does not answer each instance counts for itself, so a log-in
//! neither fails nor waits because of it.

pub mod memory;
pub mod redis;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use self::memory::MemoryCounters;
use self::redis::RedisCounters;

/// How much is borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tries for one account from one address in a window. Without it `max_per_account` holds up everybody.
    pub max_per_pair: Option<u32>,
    /// Tries for one account in a window, from all addresses together. Without it what others try holds up nobody.
    pub max_per_account: Option<u32>,
    /// Tries from one address in a window. Larger: a whole office may be behind it.
    pub max_per_address: u32,
    /// Length of a window.
    pub window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_per_pair: Some(10),
            max_per_account: Some(100),
            max_per_address: 50,
            window: Duration::from_mins(5),
        }
    }
}

/// Who tries, in a form that tells nobody who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    account: String,
    address: Option<String>,
}

/// Whether a try may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    /// Not before so many seconds have passed.
    Wait {
        seconds: u64,
    },
}

/// What came of a try that was allowed and need not stay counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was the owner: what was tried for the account from this address is forgotten, the address gets this try back.
    Right,
    /// Nobody could tell: all get this try back.
    Unjudged,
    /// The password is another one: what anybody tried for the account is forgotten.
    Anew,
}

/// The counters of one try, and how far they may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The account's counters.
    pub account: String,
    /// Which of them is for this address too.
    pub from: String,
    /// The address's counter, if the address is known.
    pub address: Option<String>,
    /// Their bounds.
    pub limits: Limits,
}

/// Counters cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("counters cannot be reached: {0}")]
pub struct CountersAway(pub String);

/// Where counts are kept.
#[async_trait]
pub trait Counters: Send + Sync + 'static {
    /// Counts one try everywhere, unless a bound holds it up; `false` when one does, and then nothing is changed.
    async fn add(&self, window: i64, counted: &Counted) -> Result<bool, CountersAway>;
    /// Takes off what need not stay counted.
    async fn settle(&self, window: i64, counted: &Counted, verdict: Verdict) -> Result<(), CountersAway>;
}

/// Redis, and memory while Redis is away.
#[derive(Clone)]
pub struct Throttle {
    scope: &'static str,
    limits: Limits,
    shared: RedisCounters,
    own: MemoryCounters,
}

impl Subject {
    /// From the normalised e-mail address, and the network address if it is known and is one. Of IPv6 the network of
    /// 64 bits counts: that is what one customer of a provider gets.
    pub fn new(email: &str, address: Option<&str>) -> Self {
        let address =
            address.and_then(|text| text.trim().parse::<IpAddr>().ok()).map(|address| {
                match address.to_canonical() {
                    IpAddr::V4(v4) => digest(&v4.octets()),
                    IpAddr::V6(v6) => digest(&v6.octets()[..8]),
                }
            });
        Self { account: digest(email.as_bytes()), address }
    }

    fn counted(&self, scope: &str, limits: Limits) -> Counted {
        Counted {
            account: format!("{scope}:tries:{}", self.account),
            from: self.address.clone().unwrap_or_else(|| "unknown".to_owned()),
            address: self.address.as_ref().map(|digest| format!("{scope}:address:{digest}")),
            limits,
        }
    }
}

impl Limits {
    /// Whether the bounds let another try through after so many: from this address for this account, for the account, and
    /// from the address. The script in [`redis`] says the same.
    fn let_through(&self, pair: u32, account: u32, address: u32) -> bool {
        let has_room = self.max_per_account.is_none_or(|max| account < max);
        let for_account = match self.max_per_pair {
            Some(max) => pair < max && (pair == 0 || has_room),
            None => has_room,
        };
        for_account && address < self.max_per_address
    }
}

impl Throttle {
    /// A throttle of `scope`; throttles of other scopes count apart.
    pub fn new(scope: &'static str, limits: Limits, shared: RedisCounters, own: MemoryCounters) -> Self {
        Self { scope, limits, shared, own }
    }

    /// What is counted, for the log.
    pub fn scope(&self) -> &'static str {
        self.scope
    }

    /// Counts a try, or says how long to wait; a refused try does not count.
    pub async fn attempt(&self, subject: &Subject, now: DateTime<Utc>) -> Decision {
        let (window, counted) = (self.window(now), subject.counted(self.scope, self.limits));
        let added = match self.shared.add(window, &counted).await {
            Ok(added) => added,
            Err(_) => self.own.add(window, &counted).await.unwrap_or(true),
        };
        if added { Decision::Allowed } else { Decision::Wait { seconds: self.seconds_left(now) } }
    }

    /// Undoes a try that need not stay counted.
    pub async fn settle(&self, subject: &Subject, verdict: Verdict, now: DateTime<Utc>) {
        let (window, counted) = (self.window(now), subject.counted(self.scope, self.limits));
        // Where the try was counted is not known any more if Redis went or came meanwhile: both are asked.
        for counters in [&self.shared as &dyn Counters, &self.own] {
            if let Err(error) = counters.settle(window, &counted, verdict).await {
                tracing::debug!(%error, "try stays counted");
            }
        }
    }

    fn window(&self, now: DateTime<Utc>) -> i64 {
        now.timestamp_millis().div_euclid(self.window_ms())
    }

    fn seconds_left(&self, now: DateTime<Utc>) -> u64 {
        let left_ms = self.window_ms() - now.timestamp_millis().rem_euclid(self.window_ms());
        (left_ms as u64).div_ceil(1000)
    }

    fn window_ms(&self) -> i64 {
        (self.limits.window.as_millis() as i64).max(1)
    }
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_and_no_address_is_readable() {
        let one = Subject::new("kim@example.com", Some("2001:db8:1:2::1"));
        let two = Subject::new("kim@example.com", Some("2001:db8:1:2:ffff::9"));
        assert_eq!(one, two);
        assert_ne!(one, Subject::new("kim@example.com", Some("2001:db8:1:3::1")));
        assert_eq!(Subject::new("k", Some("::ffff:10.0.0.1")), Subject::new("k", Some("10.0.0.1")));
        assert_eq!(Subject::new("k", Some("unknown")), Subject::new("k", None));
        assert!(!format!("{one:?}").contains("kim"));
    }
}
