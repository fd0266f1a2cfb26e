//! Identity on a real Postgres and Redis.

mod logging_in;
mod outage;
mod registering;
mod secrecy;
mod throttling;

use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use shop_identity::identity::Identity;
use shop_identity::password::Passwords;
use shop_identity::storage::MIGRATOR;
use shop_identity::storage::accounts::PgAccounts;
use shop_identity::storage::sessions::PgSessions;
use shop_identity::telemetry::{FAULTS, IdentityMetrics};
use shop_identity::throttle::memory::MemoryCounters;
use shop_identity::throttle::redis::RedisCounters;
use shop_identity::throttle::{Limits, Throttle};
use shop_instrumentation::bootstrap::service_router;
use shop_instrumentation::config::Env;
use shop_instrumentation::{Boot, kv};
use shop_testkit::http::{Answer, get, post};
use shop_testkit::{MockClock, TestDb, TestRedis};

const LIMITS: Limits = Limits { max_per_account: 3, max_per_address: 6, window: Duration::from_mins(5) };
const DAYS: u64 = 30;
const PASSWORD: &str = "a long enough one";

struct Fixture {
    router: Router,
    identity: Identity,
    clock: MockClock,
    db: TestDb,
    redis: TestRedis,
}

async fn fixture() -> Fixture {
    let (db, redis) = tokio::join!(TestDb::create(&MIGRATOR), TestRedis::start());
    let clock = MockClock::new();
    let (router, identity) = instance(&db, &redis, &clock);
    Fixture { router, identity, clock, db, redis }
}

/// One of several instances on the same database and Redis, complete with layers, probes and fault switches.
fn instance(db: &TestDb, redis: &TestRedis, clock: &MockClock) -> (Router, Identity) {
    let boot = Boot::for_tests("identity", Env::from_pairs::<String, String>([])).unwrap();
    boot.faults.declare(FAULTS);
    let shared = RedisCounters::new(kv::connect(&redis.url).unwrap(), LIMITS.window);
    let identity = Identity {
        accounts: PgAccounts::new(db.pool.clone()),
        sessions: PgSessions::new(db.pool.clone()),
        passwords: Passwords::new(2).unwrap(),
        throttle: Throttle::new(LIMITS, shared, MemoryCounters::default()),
        metrics: IdentityMetrics::new(&boot.metrics).unwrap(),
        faults: boot.faults.clone(),
        clock: clock.shared(),
        session_ttl: Duration::from_hours(24 * DAYS),
    };
    let routes = shop_identity::http::router(identity.clone());
    (service_router(routes, shop_identity::http::limits(), &boot.parts()), identity)
}

fn kim() -> Value {
    json!({"email": "Kim@Example.com", "display_name": "Kim Harbour", "password": PASSWORD})
}

impl Fixture {
    async fn register(&self, key: &str, body: &Value) -> Answer {
        post(&self.router, "/v1/accounts", key, body).await
    }

    async fn log_in(&self, email: &str, password: &str, address: Option<&str>) -> Answer {
        log_in(&self.router, "k", email, password, address).await
    }

    async fn scalar(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.db.pool).await.unwrap()
    }

    async fn metrics(&self) -> String {
        get(&self.router, "/metrics").await.text()
    }
}

async fn log_in(router: &Router, key: &str, email: &str, password: &str, address: Option<&str>) -> Answer {
    let body = json!({"email": email, "password": password, "client_address": address});
    post(router, "/v1/sessions", key, &body).await
}

fn fields(answer: &Answer) -> Vec<String> {
    let body: Value = answer.json();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}
