//! The one place that knows every part of identity.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shop_contracts::events::{CONSUMER_GROUPS, IDENTITY_STREAM};
use shop_instrumentation::client::ClientConfig;
use shop_instrumentation::config::Env;
use shop_instrumentation::health::Need;
use shop_instrumentation::outbox::{Relay, RelayConfig, Target};
use shop_instrumentation::{App, Boot, StartError, clock, db, kv};

use crate::credentials::Password;
use crate::identity::{Identity, Throttles};
use crate::password::Passwords;
use crate::storage::MIGRATOR;
use crate::storage::accounts::PgAccounts;
use crate::storage::addresses::PgAddresses;
use crate::storage::carts::PgCarts;
use crate::storage::confirmations::PgConfirmations;
use crate::storage::deletions::PgDeletions;
use crate::storage::registrations::PgRegistrations;
use crate::storage::resets::PgResets;
use crate::storage::sessions::PgSessions;
use crate::storage::staff::PgStaff;
use crate::storage::staff_members::PgStaffMembers;
use crate::telemetry::{FAULTS, IdentityMetrics, QUEUE_STUCK};
use crate::throttle::memory::MemoryCounters;
use crate::throttle::redis::RedisCounters;
use crate::throttle::{Limits, Throttle};
use crate::{http, workers};

/// As long as the storefront keeps its own.
const SESSION_DAYS: u64 = 30;
/// Each takes 19 MiB and a whole core for some hundredths of a second.
const HASHES_AT_ONCE: usize = 2;
/// A person registers once; a few more for typing errors. Behind one address there may be an office, or a fair. How many
/// mails a mailbox gets is bounded where they are sent: a bound here for all who ask together would be used up by strangers
/// and keep the owner of the address out.
pub const REGISTER: Limits = Limits {
    max_per_pair: Some(5),
    max_per_account: None,
    max_per_address: 30,
    window: Duration::from_mins(15),
};
/// A mail each, of which a mailbox gets so many an hour whoever asks. A bound for the account would be used up by strangers
/// and keep its owner out.
pub const RESET: Limits = Limits {
    max_per_pair: None,
    max_per_account: None,
    max_per_address: 20,
    window: Duration::from_mins(15),
};
/// Opening a mail's link. Nobody guesses a token; a bound of the work, wide enough for an office.
pub const LINKS: Limits = Limits {
    max_per_pair: None,
    max_per_account: None,
    max_per_address: 60,
    window: Duration::from_mins(15),
};
const STAFF: Limits = Limits {
    max_per_pair: Some(5),
    max_per_account: Some(50),
    max_per_address: 20,
    window: Duration::from_mins(5),
};

/// Connects, migrates, and hands back routes and workers.
pub async fn start(mut boot: Boot) -> Result<App, StartError> {
    let database_url: String = boot.env.required("DATABASE_URL");
    let redis_url: String = boot.env.required("REDIS_URL");
    let orders_urls = boot.env.list("ORDERS_URLS");
    let session_days = positive(&mut boot.env, "SESSION_DAYS", SESSION_DAYS);
    let hashes_at_once = positive(&mut boot.env, "PASSWORD_HASHES_AT_ONCE", HASHES_AT_ONCE);
    let limits = AllLimits::from_env(&mut boot.env);
    let staff_password = staff_password(&mut boot.env);
    let relaying = RelayConfig::from_env(&mut boot.env);
    boot.env.finish()?;
    let pool = db::connect(&database_url, &boot.metrics)?;
    db::migrate(&pool, &MIGRATOR).await?;
    let redis = kv::connect(&redis_url)?;
    let orders = boot.client("orders", orders_urls, ClientConfig::default())?;
    boot.health.watch_postgres(pool.clone());
    // Without Redis people still log in; throttling then counts in each instance.
    boot.health.watch_redis(redis.clone(), Need::Bridged);
    boot.faults.declare(FAULTS);
    boot.faults.lock_table("sessions");
    let identity = Identity {
        accounts: PgAccounts::new(pool.clone()),
        registrations: PgRegistrations::new(pool.clone()),
        confirmations: PgConfirmations::new(pool.clone()),
        sessions: PgSessions::new(pool.clone()),
        resets: PgResets::new(pool.clone()),
        addresses: PgAddresses::new(pool.clone()),
        carts: PgCarts::new(pool.clone()),
        deletions: PgDeletions::new(pool.clone()),
        staff: PgStaff::new(pool.clone()),
        staff_members: PgStaffMembers::new(pool.clone()),
        passwords: Passwords::new(hashes_at_once).map_err(|error| StartError::Other(error.to_string()))?,
        throttles: limits.throttles(&redis),
        metrics: IdentityMetrics::new(&boot.metrics)?,
        faults: boot.faults.clone(),
        clock: clock::system(),
        session_ttl: Duration::from_hours(24) * session_days as u32,
    };
    if let Some(password) = staff_password {
        let seeded = identity.seed_staff(&password).await;
        seeded.map_err(|problem| StartError::Other(format!("first staff member: {}", problem.detail())))?;
    }
    let target = Target { stream: IDENTITY_STREAM, groups: &CONSUMER_GROUPS };
    let metrics = identity.metrics.outbox.clone();
    let relay = Relay::new(pool, redis, target, relaying, metrics, clock::system())
        .stuck_by(boot.faults.clone(), QUEUE_STUCK);
    let relay = tokio::spawn(relay.run(boot.shutdown.clone()));
    let upkeep = tokio::spawn(workers::run(identity.clone(), boot.shutdown.clone()));
    let forget = tokio::spawn(workers::forget(identity.clone(), Arc::new(orders), boot.shutdown.clone()));
    Ok(App::new(http::router(identity))
        .openapi(crate::http::document)
        .server(http::limits())
        .worker("relay", relay)
        .worker("upkeep", upkeep)
        .worker("forget", forget))
}

struct AllLimits {
    log_in: Limits,
    register: Limits,
    reset: Limits,
    links: Limits,
    staff: Limits,
}

impl AllLimits {
    fn from_env(env: &mut Env) -> Self {
        Self {
            log_in: limits(env, "LOGIN", Limits::default()),
            register: limits(env, "REGISTER", REGISTER),
            reset: limits(env, "RESET", RESET),
            links: limits(env, "LINKS", LINKS),
            staff: limits(env, "STAFF", STAFF),
        }
    }

    fn throttles(&self, redis: &kv::Connection) -> Throttles {
        let throttle = |scope, limits: Limits| {
            let shared = RedisCounters::new(redis.clone(), limits.window);
            Throttle::new(scope, limits, shared, MemoryCounters::default())
        };
        Throttles {
            log_in: throttle("login", self.log_in),
            register: throttle("register", self.register),
            reset: throttle("reset", self.reset),
            links: throttle("links", self.links),
            staff: throttle("staff", self.staff),
        }
    }
}

fn limits(env: &mut Env, prefix: &str, default: Limits) -> Limits {
    let window_seconds = positive(env, &format!("{prefix}_WINDOW_SECONDS"), default.window.as_secs());
    let mut bound = |name: &str, default: Option<u32>| {
        default.map(|default| positive(env, &format!("{prefix}_{name}"), default))
    };
    let max_per_pair = bound("MAX_PER_PAIR", default.max_per_pair);
    let max_per_account = bound("MAX_PER_ACCOUNT", default.max_per_account);
    Limits {
        max_per_pair,
        max_per_account,
        max_per_address: positive(env, &format!("{prefix}_MAX_PER_ADDRESS"), default.max_per_address),
        window: Duration::from_secs(window_seconds),
    }
}

/// The password of the first staff member, if there is to be one.
fn staff_password(env: &mut Env) -> Option<Password> {
    let path: PathBuf = env.maybe("STAFF_PASSWORD_FILE")?;
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            env.note(format!("STAFF_PASSWORD_FILE cannot be read: {error}"));
            return None;
        }
    };
    let password = Password::parse_new(text.trim_end_matches(['\r', '\n']).to_owned());
    if password.is_none() {
        env.note("STAFF_PASSWORD_FILE must hold a password of 10 to 200 characters");
    }
    password
}

/// A number that must not be nothing.
fn positive<T: std::str::FromStr + PartialEq + Default>(env: &mut Env, name: &str, default: T) -> T {
    let value = env.optional(name, default);
    if value == T::default() {
        env.note(format!("{name} must be at least 1"));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_password_is_a_line_of_a_file_and_never_part_of_a_complaint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let env = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let mut env = Env::from_pairs([("STAFF_PASSWORD_FILE", path.display().to_string())]);
            let password = staff_password(&mut env);
            (password, env.finish().err().map(|error| error.to_string()))
        };
        let (password, complaint) = env("a long enough one\n");
        assert_eq!((password.unwrap().expose(), complaint), ("a long enough one", None));
        let (password, complaint) = env("tooshort\n");
        assert!(password.is_none() && !complaint.unwrap().contains("tooshort"));
    }
}
