//! Identity on a real Postgres and Redis.

mod access;
mod addresses;
mod carts;
mod confirming;
mod deleting;
mod fuzz;
mod guessing;
mod links;
mod logging_in;
mod openapi;
mod outage;
mod passwords;
mod registering;
mod relaying;
mod resetting;
mod secrecy;
mod sessions;
mod sql;
mod staff;
mod staff_members;
mod throttling;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use shop_contracts::AccountId;
use shop_contracts::events::{IdentityEvent, IdentityEventKind};
use shop_contracts::identity::{Account, Session};
use shop_identity::identity::{Identity, Throttles};
use shop_identity::password::Passwords;
use shop_identity::storage::MIGRATOR;
use shop_identity::storage::accounts::PgAccounts;
use shop_identity::storage::addresses::PgAddresses;
use shop_identity::storage::carts::PgCarts;
use shop_identity::storage::confirmations::PgConfirmations;
use shop_identity::storage::deletions::PgDeletions;
use shop_identity::storage::registrations::PgRegistrations;
use shop_identity::storage::resets::PgResets;
use shop_identity::storage::sessions::PgSessions;
use shop_identity::storage::staff::PgStaff;
use shop_identity::storage::staff_members::PgStaffMembers;
use shop_identity::telemetry::{FAULTS, IdentityMetrics};
use shop_identity::throttle::memory::MemoryCounters;
use shop_identity::throttle::redis::RedisCounters;
use shop_identity::throttle::{Limits, Throttle};
use shop_identity::wiring::LINKS;
use shop_instrumentation::bootstrap::open_router;
use shop_instrumentation::config::Env;
use shop_instrumentation::{Boot, kv};
use shop_testkit::http::{Answer, call, get, post};
use shop_testkit::{MockClock, TestDb, TestRedis};

const LIMITS: Limits = Limits {
    max_per_pair: Some(3),
    max_per_account: Some(30),
    max_per_address: 6,
    window: Duration::from_mins(5),
};
/// Enough for tests of other things than the throttle.
const GENEROUS: Limits = Limits {
    max_per_pair: None,
    max_per_account: Some(50),
    max_per_address: 100,
    window: Duration::from_mins(15),
};
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
    fixture_with(GENEROUS).await
}

/// `limits` of registering and of asking for a new password.
async fn fixture_with(limits: Limits) -> Fixture {
    let (db, redis) = tokio::join!(TestDb::create(&MIGRATOR), TestRedis::start());
    let clock = MockClock::new();
    let (router, identity) = instance_with(&db, &redis, &clock, limits);
    Fixture { router, identity, clock, db, redis }
}

/// One of several instances on the same database and Redis, complete with layers, probes and fault switches.
fn instance(db: &TestDb, redis: &TestRedis, clock: &MockClock) -> (Router, Identity) {
    instance_with(db, redis, clock, GENEROUS)
}

fn instance_with(db: &TestDb, redis: &TestRedis, clock: &MockClock, limits: Limits) -> (Router, Identity) {
    let boot = Boot::for_tests("identity", Env::from_pairs::<String, String>([])).unwrap();
    boot.faults.declare(FAULTS);
    let connection = kv::connect(&redis.url).unwrap();
    let throttle = |scope, limits: Limits| {
        let shared = RedisCounters::new(connection.clone(), limits.window);
        Throttle::new(scope, limits, shared, MemoryCounters::default())
    };
    let identity = Identity {
        accounts: PgAccounts::new(db.pool.clone()),
        registrations: PgRegistrations::new(db.pool.clone()),
        confirmations: PgConfirmations::new(db.pool.clone()),
        sessions: PgSessions::new(db.pool.clone()),
        resets: PgResets::new(db.pool.clone()),
        addresses: PgAddresses::new(db.pool.clone()),
        carts: PgCarts::new(db.pool.clone()),
        deletions: PgDeletions::new(db.pool.clone()),
        staff: PgStaff::new(db.pool.clone()),
        staff_members: PgStaffMembers::new(db.pool.clone()),
        passwords: Passwords::new(2).unwrap(),
        throttles: Throttles {
            log_in: throttle("login", LIMITS),
            register: throttle("register", limits),
            reset: throttle("reset", limits),
            links: throttle("links", LINKS),
            staff: throttle("staff", LIMITS),
        },
        metrics: IdentityMetrics::new(&boot.metrics).unwrap(),
        faults: boot.faults.clone(),
        clock: clock.shared(),
        session_ttl: Duration::from_hours(24 * DAYS),
    };
    let routes = shop_identity::http::router(identity.clone());
    (open_router(routes, shop_identity::http::limits(), &boot.parts()), identity)
}

fn kim() -> Value {
    json!({"email": "Kim@Example.com", "display_name": "Kim Harbour", "password": PASSWORD})
}

impl Fixture {
    async fn register(&self, key: &str, body: &Value) -> Answer {
        post(&self.router, "/v1/accounts", key, body).await
    }

    /// Registers, and confirms it by the mail.
    async fn confirmed(&self, key: &str, body: &Value) -> Account {
        let registered = self.register(key, body).await;
        assert_eq!(registered.status.as_u16(), 201, "{}", registered.text());
        let token = self.mailed_token(IdentityEventKind::RegistrationRequested).await;
        let answer = self.confirm(&token, body["password"].as_str().unwrap()).await;
        assert_eq!(answer.status.as_u16(), 201, "{}", answer.text());
        answer.json()
    }

    async fn confirm(&self, token: &str, password: &str) -> Answer {
        self.post("/v1/accounts/confirm", &json!({"token": token, "password": password})).await
    }

    /// The secret of the newest mail of this kind.
    async fn mailed_token(&self, kind: IdentityEventKind) -> String {
        let events = self.events().await;
        let event = events.iter().rev().find(|event| event.kind == kind);
        event.expect("a mail was asked for").token.clone().expect("it carries the token")
    }

    async fn log_in(&self, email: &str, password: &str, address: Option<&str>) -> Answer {
        log_in(&self.router, "k", email, password, address).await
    }

    /// Registers Kim and logs in.
    async fn logged_in(&self) -> Session {
        self.confirmed("kim", &kim()).await;
        self.open("kim").await
    }

    /// Another session of Kim's.
    async fn open(&self, key: &str) -> Session {
        log_in(&self.router, key, "kim@example.com", PASSWORD, None).await.json()
    }

    /// A call with a session's token.
    async fn with_token(&self, method: Method, path: &str, token: &str) -> Answer {
        call(&self.router, method, path, &[("x-session-token", token)], Body::empty()).await
    }

    async fn is_open(&self, token: &str) -> bool {
        self.with_token(Method::GET, "/v1/sessions/current", token).await.status.as_u16() == 200
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        call(&self.router, Method::PUT, path, &headers, Body::from(body.to_string())).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        post(&self.router, path, "k", body).await
    }

    /// Events that wait for the relay, oldest first.
    async fn events(&self) -> Vec<IdentityEvent> {
        let payloads: Vec<Value> = sqlx::query_scalar("SELECT payload FROM outbox ORDER BY seq")
            .fetch_all(&self.db.pool)
            .await
            .unwrap();
        payloads.into_iter().map(|payload| serde_json::from_value(payload).unwrap()).collect()
    }

    async fn kinds(&self) -> Vec<&'static str> {
        self.events().await.iter().map(|event| event.kind.as_str()).collect()
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

fn path_of(account: AccountId, rest: &str) -> String {
    format!("/v1/accounts/{account}{rest}")
}
