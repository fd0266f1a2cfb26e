use std::sync::Arc;

use serde_json::json;
use shop_identity::credentials::Password;
use shop_identity::throttle::memory::MemoryCounters;
use shop_identity::throttle::redis::RedisCounters;
use shop_identity::throttle::{Counted, Counters, Limits, Verdict};
use shop_instrumentation::kv;
use shop_testkit::http::post;
use shop_testkit::{TestRedis, eventually};

use crate::{Fixture, LIMITS, PASSWORD, fixture, instance, kim, log_in};

const WRONG: &str = "a wrong password";

async fn wrong(f: &Fixture, email: &str, address: &str) -> u16 {
    f.log_in(email, WRONG, Some(address)).await.status.as_u16()
}

fn counted(from: &str, address: Option<&str>) -> Counted {
    let limits = Limits { max_per_pair: Some(2), max_per_account: Some(4), max_per_address: 3, ..LIMITS };
    Counted {
        account: "login:tries:kim".to_owned(),
        from: from.to_owned(),
        address: address.map(str::to_owned),
        limits,
    }
}

/// What every adapter of the port must do.
async fn counters_behave(counters: &dyn Counters) {
    let add =
        async |from: &str, address: Option<&str>| counters.add(1, &counted(from, address)).await.unwrap();
    let settle = async |from: &str, address: Option<&str>, verdict: Verdict| {
        counters.settle(1, &counted(from, address), verdict).await.unwrap();
    };
    assert!(add("a", Some("at a")).await && add("a", Some("at a")).await);
    assert!(!add("a", Some("at a")).await, "the pair is full");
    assert!(add("b", Some("at a")).await, "the address has two, not three: what is refused is not counted");
    assert!(!add("c", Some("at a")).await, "the address is full");
    assert!(add("c", None).await);
    assert!(!add("c", None).await, "the account is full for who has tried before");
    assert!(add("d", None).await && add("e", None).await, "and not for who has not");
    settle("a", Some("at a"), Verdict::Unjudged).await;
    assert!(!add("a", Some("at a")).await, "the account is full still");
    settle("a", Some("at a"), Verdict::Right).await;
    settle("d", None, Verdict::Right).await;
    settle("e", None, Verdict::Unjudged).await;
    settle("nobody", Some("nowhere"), Verdict::Right).await;
    assert!(add("c", None).await, "the account has two by now");
    assert!(add("a", Some("at a")).await, "and the pair none");
    assert!(!add("c", None).await, "the pair is full");
    assert!(!add("b", None).await, "the account is full");
    settle("x", None, Verdict::Anew).await;
    assert!(add("c", None).await && add("b", None).await);
    let strict = Counted {
        limits: Limits { max_per_pair: None, max_per_account: Some(2), ..LIMITS },
        ..counted("f", None)
    };
    assert!(
        !counters.add(1, &strict).await.unwrap(),
        "without a bound for pairs the account's holds for all"
    );
    assert!(counters.add(2, &strict).await.unwrap(), "the next window starts anew");
}

#[tokio::test]
async fn counters_in_memory_and_in_redis_behave_the_same() {
    let redis = TestRedis::start().await;
    let shared = RedisCounters::new(kv::connect(&redis.url).unwrap(), LIMITS.window);
    let adapters: [Arc<dyn Counters>; 2] = [Arc::new(MemoryCounters::default()), Arc::new(shared)];
    for counters in adapters {
        counters_behave(&*counters).await;
    }
    let mut connection = redis.connection().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    assert!(keys.len() >= 2);
    for key in keys {
        let ttl: i64 = redis::cmd("TTL").arg(&key).query_async(&mut connection).await.unwrap();
        assert!((1..=600).contains(&ttl), "{key} would stay for ever: {ttl}");
    }
}

#[tokio::test]
async fn after_too_many_wrong_passwords_a_machine_waits_even_with_the_right_one() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    for _ in 0..3 {
        assert_eq!(wrong(&f, "Kim@example.com", "10.0.0.9").await, 401);
    }
    f.clock.advance_seconds(60);
    let refused = f.log_in("kim@example.com", PASSWORD, Some("10.0.0.9")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "rate_limited".to_owned()));
    let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=300).contains(&wait), "{wait}");
    assert_eq!(wrong(&f, "bo@example.com", "10.0.0.9").await, 401, "others are not held up");
    f.clock.advance_seconds(wait - 1);
    assert_eq!(wrong(&f, "kim@example.com", "10.0.0.9").await, 429);
    f.clock.advance_seconds(1);
    assert_eq!(f.log_in("kim@example.com", PASSWORD, Some("10.0.0.9")).await.status.as_u16(), 201);
    assert!(f.metrics().await.contains("shop_login_attempts_total{outcome=\"throttled\"} 2"));
}

#[tokio::test]
async fn an_address_without_an_account_is_throttled_alike() {
    let f = fixture().await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(wrong(&f, "nobody@example.com", "10.0.0.1").await);
    }
    assert_eq!(answers, [401, 401, 401, 429]);
}

#[tokio::test]
async fn a_machine_waits_whatever_accounts_it_tries() {
    let f = fixture().await;
    for i in 0..6 {
        assert_eq!(wrong(&f, &format!("{i}@example.com"), "10.0.0.1").await, 401);
    }
    assert_eq!(wrong(&f, "7@example.com", "10.0.0.1").await, 429);
    assert_eq!(wrong(&f, "7@example.com", "10.0.0.2").await, 401);
}

#[tokio::test]
async fn tries_at_the_same_time_cannot_slip_through() {
    let f = fixture().await;
    let tries = (0..12).map(|_| wrong(&f, "kim@example.com", "10.0.0.1"));
    let answers = futures::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|status| **status == 401).count(), 3, "{answers:?}");
}

#[tokio::test]
async fn logging_in_rightly_is_never_throttled_and_clears_the_account() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    for _ in 0..4 {
        wrong(&f, "kim@example.com", "10.0.0.1").await;
        wrong(&f, "kim@example.com", "10.0.0.2").await;
        let right = f.log_in("kim@example.com", PASSWORD, Some("10.0.0.3")).await;
        assert_eq!(right.status.as_u16(), 201, "{}", right.text());
    }
}

#[tokio::test]
async fn instances_count_together() {
    let f = fixture().await;
    let (second, _) = instance(&f.db, &f.redis, &f.clock);
    for router in [&f.router, &second, &f.router] {
        let answer = log_in(router, "k", "kim@example.com", WRONG, Some("10.0.0.1")).await;
        assert_eq!(answer.status.as_u16(), 401);
    }
    let answer = log_in(&second, "k", "kim@example.com", WRONG, Some("10.0.0.1")).await;
    assert_eq!(answer.status.as_u16(), 429);
}

#[tokio::test]
async fn strangers_keep_nobody_out_who_comes_from_elsewhere() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    for _ in 0..4 {
        wrong(&f, "kim@example.com", "10.0.0.1").await;
    }
    assert_eq!(wrong(&f, "kim@example.com", "10.0.0.1").await, 429, "who guesses waits");
    let right = f.log_in("kim@example.com", PASSWORD, Some("10.0.0.9")).await;
    assert_eq!(right.status.as_u16(), 201, "{}", right.text());
    assert_eq!(
        wrong(&f, "kim@example.com", "10.0.0.1").await,
        429,
        "and does not start anew because of that"
    );
}

#[tokio::test]
async fn the_right_password_from_an_address_without_failures_gets_in_whatever_others_tried() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    for i in 0..40 {
        wrong(&f, "kim@example.com", &format!("10.0.1.{i}")).await;
    }
    assert_eq!(
        wrong(&f, "kim@example.com", "10.0.1.0").await,
        429,
        "the wide bound holds up who failed before"
    );
    let right = f.log_in("kim@example.com", PASSWORD, Some("10.0.0.9")).await;
    assert_eq!(right.status.as_u16(), 201, "{}", right.text());
}

/// Tries of one account that are counted in Redis now.
async fn tries_counted(f: &Fixture, scope: &str) -> u32 {
    let mut connection = f.redis.connection().await;
    let pattern = format!("identity:throttle:*:{scope}:tries:*");
    let keys: Vec<String> = redis::cmd("KEYS").arg(&pattern).query_async(&mut connection).await.unwrap();
    let mut counted = 0;
    for key in keys {
        let all: Option<u32> =
            redis::cmd("HGET").arg(&key).arg("all").query_async(&mut connection).await.unwrap();
        counted += all.unwrap_or_default();
    }
    counted
}

/// Three log-ins at `path` whose callers go away before the password is looked at.
async fn three_that_nobody_waits_for(f: &Fixture, (path, scope): (&str, &str), name: &str, password: &str) {
    let mut held = f.db.pool.begin().await.unwrap();
    let lock = "LOCK TABLE accounts, staff IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *held).await.unwrap();
    for n in 1..=3 {
        let (router, path) = (f.router.clone(), path.to_owned());
        let body = json!({"email": name, "password": password, "client_address": "10.0.0.1"});
        let asking = tokio::spawn(async move { post(&router, &path, "k", &body).await });
        eventually("the try is counted", || async { tries_counted(f, scope).await == n }).await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
    }
    held.rollback().await.unwrap();
}

const SHOPPERS: (&str, &str) = ("/v1/sessions", "login");
const STAFF: (&str, &str) = ("/v1/staff/sessions", "staff");

#[tokio::test]
async fn the_right_password_is_not_held_up_by_tries_whose_answer_came_too_late() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    f.identity.seed_staff(&Password::parse_new(PASSWORD.to_owned()).unwrap()).await.unwrap();
    for (of, name) in [(SHOPPERS, "kim@example.com"), (STAFF, "staff")] {
        three_that_nobody_waits_for(&f, of, name, PASSWORD).await;
        eventually("the tries are given back", || async { tries_counted(&f, of.1).await == 0 }).await;
        let body = json!({"email": name, "password": PASSWORD, "client_address": "10.0.0.1"});
        let answer = post(&f.router, of.0, "k", &body).await;
        assert_eq!(answer.status.as_u16(), 201, "{name}: {}", answer.text());
    }
}

/// Otherwise who leaves before each answer has passwords compared without a bound.
#[tokio::test]
async fn a_wrong_password_stays_counted_though_nobody_waits_for_the_answer() {
    let f = fixture().await;
    f.confirmed("k", &kim()).await;
    let before = f.identity.passwords.worked_on();
    three_that_nobody_waits_for(&f, SHOPPERS, "kim@example.com", WRONG).await;
    eventually("all are judged", || async { f.identity.passwords.worked_on() == before + 3 }).await;
    assert_eq!(wrong(&f, "kim@example.com", "10.0.0.1").await, 429);
}
