//! Faults that every service has by one mechanism, and the places that ask for them.
//!
//! What asks ([`crate::db`], [`crate::kv`], [`crate::clock`], [`crate::client`]) has no handle of the process it is in:
//! the faults of the process are [installed](super::Faults::install) once. While none is on, asking costs one load.

use std::sync::OnceLock;
use std::time::Duration;

use super::Faults;

/// How far ahead the clock goes at most.
const LONGEST_SKEW: Duration = Duration::from_mins(1);
/// Where nobody listens: connecting is refused at once, and nothing leaves the machine.
const NOWHERE: &str = "http://127.0.0.1:1";

static PROCESS: OnceLock<Faults> = OnceLock::new();

/// A fault that is not a service's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// Requests fail.
    Errors,
    /// The process ends.
    Crash,
    /// Memory grows.
    Leak,
    /// Another version that fails now and then.
    BadRelease,
    /// Addresses lead nowhere.
    BadConfiguration,
    /// The clock is ahead.
    ClockSkew,
    /// The database sleeps.
    SlowQuery,
    /// Connections are held back.
    PoolExhausted,
    /// A table is locked.
    Lock,
    /// Redis takes longer.
    RedisSlow,
}

impl Shared {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Errors,
        Self::Crash,
        Self::Leak,
        Self::BadRelease,
        Self::BadConfiguration,
        Self::ClockSkew,
        Self::SlowQuery,
        Self::PoolExhausted,
        Self::Lock,
        Self::RedisSlow,
    ];

    /// Its name behind the service's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Crash => "crash",
            Self::Leak => "leak",
            Self::BadRelease => "bad_release",
            Self::BadConfiguration => "bad_configuration",
            Self::ClockSkew => "clock_skew",
            Self::SlowQuery => "slow_query",
            Self::PoolExhausted => "pool_exhausted",
            Self::Lock => "lock",
            Self::RedisSlow => "redis_slow",
        }
    }
}

pub(super) fn install(faults: &Faults) {
    let _ = PROCESS.set(faults.clone());
}

/// The faults of this process, once installed.
pub(crate) fn of_process() -> Option<&'static Faults> {
    PROCESS.get()
}

/// Whether any fault of this process is on: then nothing may answer in the stead of its routes.
pub fn is_any_on() -> bool {
    of_process().is_some_and(Faults::is_any_on)
}

/// Waits before an operation of Redis that is to be hit.
pub async fn slow_redis() {
    if let Some(active) = of_process().and_then(|faults| faults.draw_shared(Shared::RedisSlow)) {
        tokio::time::sleep(active.delay).await;
    }
}

/// How far the clock is ahead.
pub(crate) fn clock_ahead() -> Duration {
    let on = of_process().and_then(|faults| faults.on(Shared::ClockSkew));
    on.map_or(Duration::ZERO, |active| LONGEST_SKEW.mul_f64(active.ratio))
}

/// How long the database is to sleep before the connection in hand is used.
pub(crate) fn query_delay() -> Option<Duration> {
    of_process()?.draw_shared(Shared::SlowQuery).map(|active| active.delay)
}

/// Whether addresses lead nowhere now.
pub(crate) fn is_misconfigured() -> bool {
    of_process().is_some_and(|faults| faults.on(Shared::BadConfiguration).is_some())
}

/// The address that is called in place of `base`.
pub(crate) fn address(base: &str) -> &str {
    if is_misconfigured() { NOWHERE } else { base }
}

#[cfg(test)]
mod tests {
    use super::super::declared;
    use super::*;

    #[test]
    fn every_shared_fault_of_the_registry_has_its_mechanism() {
        for service in ["storefront", "orders", "payments", "notifications"] {
            for (name, declared) in declared::of_service(service).filter(|(_, declared)| declared.shared) {
                assert!(Shared::ALL.iter().any(|shared| shared.name() == declared.name), "{name}");
            }
        }
        for shared in Shared::ALL {
            let (_, declared) = declared::find(&format!("payments.{}", shared.name()))
                .or_else(|| declared::find(&format!("orders.{}", shared.name())))
                .unwrap();
            assert!(declared.shared, "{shared:?}");
        }
    }
}
