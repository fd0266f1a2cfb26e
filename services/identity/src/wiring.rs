//! The one place that knows every part of identity.

use std::time::Duration;

use shop_instrumentation::config::Env;
use shop_instrumentation::health::Need;
use shop_instrumentation::{App, Boot, StartError, clock, db, kv};

use crate::identity::Identity;
use crate::password::Passwords;
use crate::storage::MIGRATOR;
use crate::storage::accounts::PgAccounts;
use crate::storage::sessions::PgSessions;
use crate::telemetry::{FAULTS, IdentityMetrics};
use crate::throttle::memory::MemoryCounters;
use crate::throttle::redis::RedisCounters;
use crate::throttle::{Limits, Throttle};
use crate::{http, workers};

/// As long as the storefront keeps its own.
const SESSION_DAYS: u64 = 30;
/// Each takes 19 MiB and a whole core for some hundredths of a second.
const HASHES_AT_ONCE: usize = 2;

/// Connects, migrates, and hands back routes and workers.
pub async fn start(mut boot: Boot) -> Result<App, StartError> {
    let database_url: String = boot.env.required("DATABASE_URL");
    let redis_url: String = boot.env.required("REDIS_URL");
    let session_days = positive(&mut boot.env, "SESSION_DAYS", SESSION_DAYS);
    let hashes_at_once = positive(&mut boot.env, "PASSWORD_HASHES_AT_ONCE", HASHES_AT_ONCE);
    let limits = limits(&mut boot.env);
    boot.env.finish()?;
    let pool = db::connect(&database_url, &boot.metrics)?;
    db::migrate(&pool, &MIGRATOR).await?;
    let redis = kv::connect(&redis_url)?;
    boot.health.watch_postgres(pool.clone());
    // Without Redis people still log in; throttling then counts in each instance.
    boot.health.watch_redis(redis.clone(), Need::Optional);
    boot.faults.declare(FAULTS);
    let shared = RedisCounters::new(redis, limits.window);
    let identity = Identity {
        accounts: PgAccounts::new(pool.clone()),
        sessions: PgSessions::new(pool),
        passwords: Passwords::new(hashes_at_once).map_err(|error| StartError::Other(error.to_string()))?,
        throttle: Throttle::new(limits, shared, MemoryCounters::default()),
        metrics: IdentityMetrics::new(&boot.metrics)?,
        faults: boot.faults.clone(),
        clock: clock::system(),
        session_ttl: Duration::from_hours(24) * session_days as u32,
    };
    let upkeep = tokio::spawn(workers::run(identity.clone(), boot.shutdown.clone()));
    Ok(App::new(http::router(identity)).server(http::limits()).worker("upkeep", upkeep))
}

fn limits(env: &mut Env) -> Limits {
    let default = Limits::default();
    Limits {
        max_per_account: positive(env, "LOGIN_MAX_PER_ACCOUNT", default.max_per_account),
        max_per_address: positive(env, "LOGIN_MAX_PER_ADDRESS", default.max_per_address),
        window: Duration::from_secs(positive(env, "LOGIN_WINDOW_SECONDS", default.window.as_secs())),
    }
}

/// A number that must not be nothing.
fn positive<T: std::str::FromStr + PartialEq + Default>(env: &mut Env, name: &str, default: T) -> T {
    let value = env.optional(name, default);
    if value == T::default() {
        env.note(format!("{name} must be at least 1"));
    }
    value
}
