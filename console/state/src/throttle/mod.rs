//! Slowing down wrong log-ins. A console with a file counts in memory ([`local`]: a restart forgets); consoles on one
//! database count together ([`shared`]).
//!
//! An IPv6 client owns a /64, so that is what counts as one address there.

mod local;
mod shared;

use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

pub use local::Throttle;
pub use shared::SharedThrottle;

use crate::{State, StateError, database::Database};

/// Of a name that is longer, only the beginning is remembered.
const MAX_NAME_CHARS: usize = 64;

/// How many wrong log-ins are borne.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// Wrong log-ins of one user within the window.
    pub max_per_user: u32,
    /// Wrong log-ins from one address within the window, whatever the user.
    pub max_per_address: u32,
    pub window_ms: i64,
    /// Users and addresses remembered; the oldest window goes first.
    pub max_keys: usize,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self { max_per_user: 5, max_per_address: 20, window_ms: 60_000, max_keys: 10_000 }
    }
}

/// Who counts.
pub enum Throttling {
    Local(Mutex<Throttle>),
    /// The database.
    Shared(SharedThrottle),
}

impl State {
    /// Counts an attempt before its password is looked at. The inner `Err` has the milliseconds to wait; a refused attempt
    /// does not count.
    pub(crate) async fn attempt(
        &self,
        user: &str,
        address: IpAddr,
        now_ms: i64,
    ) -> Result<Result<(), i64>, StateError> {
        match (&self.throttle, &self.database) {
            (Throttling::Shared(shared), Database::Postgres(postgres)) => {
                shared.attempt(postgres, &self.config.throttle, user, address, now_ms).await
            }
            (Throttling::Local(local), _) => Ok(local.lock().attempt(user, address, now_ms)),
            (Throttling::Shared(_), Database::File(_)) => Ok(Ok(())),
        }
    }

    /// The attempt was right (or could not be judged): the user's count is gone, the address gets this one back.
    pub(crate) async fn forgive(&self, user: &str, address: IpAddr) -> Result<(), StateError> {
        match (&self.throttle, &self.database) {
            (Throttling::Shared(shared), Database::Postgres(postgres)) => {
                shared.forgive(postgres, user, address).await
            }
            (Throttling::Local(local), _) => {
                local.lock().forgive(user, address);
                Ok(())
            }
            (Throttling::Shared(_), Database::File(_)) => Ok(()),
        }
    }
}

/// What attempts are counted by.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    User(String),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    start_ms: i64,
    wrong: u32,
}

impl Window {
    /// Milliseconds until another attempt counts; none: it may be made now.
    fn wait(self, key: &Key, config: &ThrottleConfig, now_ms: i64) -> Option<i64> {
        let max = match key {
            Key::User(_) => config.max_per_user,
            Key::Address(_) => config.max_per_address,
        };
        let left = self.start_ms + config.window_ms - now_ms;
        (self.wrong >= max && left > 0).then_some(left)
    }

    /// With one attempt more; a window that is over begins anew.
    fn counted(self, config: &ThrottleConfig, now_ms: i64) -> Self {
        if now_ms - self.start_ms >= config.window_ms {
            Self { start_ms: now_ms, wrong: 1 }
        } else {
            Self { wrong: self.wrong.saturating_add(1), ..self }
        }
    }
}

/// The address first: whoever takes both in this order never waits for one who waits for him.
fn keys(user: &str, address: IpAddr) -> [Key; 2] {
    let user = user.chars().take(MAX_NAME_CHARS).collect::<String>().to_lowercase();
    [Key::Address(network(address)), Key::User(user)]
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}
