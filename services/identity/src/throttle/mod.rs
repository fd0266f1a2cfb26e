//! Slowing down those who try passwords, register, or ask for mails: tries are counted for the account and for the
//! address that they come from, in windows of fixed length that start and end for everybody at the same time. Each kind
//! of try (a scope) counts apart.
//!
//! What must always hold: an address without an account is throttled like one with; no address of either kind is
//! readable in Redis. Counts are in Redis, shared by all instances; while it does not answer each instance counts for
//! itself, so a log-in neither fails nor waits because of it.

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
    /// Tries for one account in a window.
    pub max_per_account: u32,
    /// Tries from one address in a window. Larger: a whole office may be behind it.
    pub max_per_address: u32,
    /// Length of a window.
    pub window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_per_account: 10, max_per_address: 50, window: Duration::from_mins(5) }
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
    /// It was the owner: the account starts anew, the address gets this try back.
    Right,
    /// Nobody could tell: both get this try back.
    Unjudged,
}

/// One thing that is counted in one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// Name of the counter.
    pub key: String,
    /// How far it may go.
    pub max: u32,
}

/// Counters cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("counters cannot be reached: {0}")]
pub struct CountersAway(pub String);

/// Where counts are kept.
#[async_trait]
pub trait Counters: Send + Sync + 'static {
    /// Adds one to all, unless one of them is full; `false` when one is, and then nothing is changed.
    async fn add(&self, window: i64, counters: &[Counter]) -> Result<bool, CountersAway>;
    /// Sets to nothing.
    async fn clear(&self, window: i64, key: &str) -> Result<(), CountersAway>;
    /// Takes one off, if there is one.
    async fn take_back(&self, window: i64, keys: &[&str]) -> Result<(), CountersAway>;
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

    fn counters(&self, scope: &str, limits: &Limits) -> Vec<Counter> {
        let account = Counter { key: self.account_key(scope), max: limits.max_per_account };
        let address = self.address_key(scope).map(|key| Counter { key, max: limits.max_per_address });
        std::iter::once(account).chain(address).collect()
    }

    fn account_key(&self, scope: &str) -> String {
        format!("{scope}:account:{}", self.account)
    }

    fn address_key(&self, scope: &str) -> Option<String> {
        self.address.as_ref().map(|digest| format!("{scope}:address:{digest}"))
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
        let (window, counters) = (self.window(now), subject.counters(self.scope, &self.limits));
        let added = match self.shared.add(window, &counters).await {
            Ok(added) => added,
            Err(_) => self.own.add(window, &counters).await.unwrap_or(true),
        };
        if added { Decision::Allowed } else { Decision::Wait { seconds: self.seconds_left(now) } }
    }

    /// Undoes a try that need not stay counted.
    pub async fn settle(&self, subject: &Subject, verdict: Verdict, now: DateTime<Utc>) {
        // Where the try was counted is not known any more if Redis went or came meanwhile: both are asked.
        for counters in [&self.shared as &dyn Counters, &self.own] {
            if let Err(error) = settle(counters, self.window(now), subject, self.scope, verdict).await {
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

async fn settle(
    counters: &dyn Counters,
    window: i64,
    subject: &Subject,
    scope: &str,
    verdict: Verdict,
) -> Result<(), CountersAway> {
    let (account, address) = (subject.account_key(scope), subject.address_key(scope));
    let mut back: Vec<&str> = address.as_deref().into_iter().collect();
    match verdict {
        Verdict::Right => counters.clear(window, &account).await?,
        Verdict::Unjudged => back.push(&account),
    }
    if back.is_empty() { Ok(()) } else { counters.take_back(window, &back).await }
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
