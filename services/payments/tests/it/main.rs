//! Payments on a real Postgres.

mod abandoned;
mod access;
mod books;
mod conformance;
mod effects;
mod fuzz;
mod leases;
mod lock_order;
mod openapi;
mod polls;
mod provider_faults;
mod recording;
mod refunds;
mod repeats;
mod sql;
mod stripe;
mod undecided;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use serde_json::{Value, json};
use shop_contracts::{OrderId, PaymentId};
use shop_instrumentation::config::Env;
use shop_instrumentation::faults::{Activate, Faults};
use shop_instrumentation::{Boot, ids};
use shop_payments::payments::Payments;
use shop_payments::provider::PaymentProvider;
use shop_payments::provider::faulty::{DECLINE, FAULTS, FaultyProvider};
use shop_payments::provider::sandbox::SandboxProvider;
use shop_payments::storage::sandbox::PgSandbox;
use shop_payments::storage::{MIGRATOR, PgPayments};
use shop_payments::telemetry::PaymentMetrics;
use shop_testkit::{MockClock, TestDb, http};

struct Fixture {
    router: Router,
    payments: Payments,
    faults: Faults,
    clock: MockClock,
    db: TestDb,
}

impl Fixture {
    /// The same database with another provider, as another instance would have it.
    fn with_provider(&self, provider: Arc<dyn PaymentProvider>) -> Payments {
        Payments { provider, ..self.payments.clone() }
    }

    /// What the sandbox's books say was moved for an order, minor units by kind.
    async fn moved(&self, order: OrderId, kind: &str) -> Vec<i64> {
        sqlx::query_scalar(
            "SELECT m.amount_minor FROM sandbox_movements m JOIN sandbox_payments p USING (reference) \
             WHERE p.order_id = $1 AND m.kind = $2 ORDER BY m.id",
        )
        .bind(order.uuid())
        .bind(kind)
        .fetch_all(&self.db.pool)
        .await
        .unwrap()
    }
}

/// The authorisation of this path as it stands.
async fn standing(payments: &Payments, path: &str) -> Value {
    let id = PaymentId::new(path.rsplit('/').next().unwrap().parse().unwrap());
    serde_json::to_value(payments.get(id).await.unwrap()).unwrap()
}

async fn fixture() -> Fixture {
    let db = TestDb::create(&MIGRATOR).await;
    let boot =
        Boot::for_tests("payments", Env::from_pairs::<String, String>([])).expect("metrics are declared");
    boot.faults.declare(FAULTS);
    let clock = MockClock::new();
    let books = PgSandbox::new(db.pool.clone());
    let sandbox = SandboxProvider { books, webhooks: None, clock: clock.shared() };
    let provider = FaultyProvider { inner: Arc::new(sandbox), faults: boot.faults.clone() };
    let metrics = PaymentMetrics::new(&boot.metrics).expect("metrics are declared");
    let store = PgPayments::new(db.pool.clone());
    let payments = Payments::new(store, Arc::new(provider), metrics, clock.shared());
    let router = shop_payments::http::router(payments.clone(), None);
    Fixture { router, payments, faults: boot.faults.clone(), clock, db }
}

fn order() -> OrderId {
    OrderId::new(ids::new_id())
}

fn body(order: OrderId, amount_minor: i64, token: &str) -> Value {
    json!({"order_id": order, "amount": {"amount_minor": amount_minor, "currency": "EUR"}, "payment_token": token})
}

async fn rows(fixture: &Fixture) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM authorisations").fetch_one(&fixture.db.pool).await.unwrap()
}

#[tokio::test]
async fn a_repeated_call_answers_the_same_and_charges_once() {
    let f = fixture().await;
    let request = body(order(), 1999, "tok_visa");
    let first = http::post(&f.router, "/v1/authorisations", "k1", &request).await;
    let again = http::post(&f.router, "/v1/authorisations", "k1", &request).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.json::<Value>()["id"], again.json::<Value>()["id"]);
    assert_eq!(first.json::<Value>()["outcome"], "approved");
    assert_eq!(rows(&f).await, 1);
}

#[tokio::test]
async fn twenty_calls_at_once_charge_once() {
    let f = fixture().await;
    let request = body(order(), 500, "tok_visa");
    let calls = (0..20).map(|i| {
        let (router, request) = (f.router.clone(), request.clone());
        // Half of them use another key for the same order.
        let key = if i % 2 == 0 { "even" } else { "odd" };
        async move { http::post(&router, "/v1/authorisations", key, &request).await }
    });
    let answers = futures::future::join_all(calls).await;
    let ids: std::collections::BTreeSet<String> =
        answers.iter().map(|a| a.json::<Value>()["id"].to_string()).collect();
    assert_eq!((ids.len(), rows(&f).await), (1, 1));
}

#[tokio::test]
async fn a_key_for_something_else_is_a_conflict() {
    let f = fixture().await;
    let one = order();
    http::post(&f.router, "/v1/authorisations", "k", &body(one, 100, "tok_visa")).await;
    let other_amount = http::post(&f.router, "/v1/authorisations", "k", &body(one, 101, "tok_visa")).await;
    let other_order = http::post(&f.router, "/v1/authorisations", "k", &body(order(), 100, "tok_visa")).await;
    assert_eq!((other_amount.status.as_u16(), other_order.status.as_u16()), (409, 409));
    assert_eq!(other_amount.code(), "key_reused");
    let existing = &other_order.json::<Value>()["existing"];
    assert_eq!((&existing["order_id"], &existing["amount"]["amount_minor"]), (&json!(one), &json!(100)));
}

#[tokio::test]
async fn a_declined_card_holds_nothing_and_cannot_be_captured() {
    let f = fixture().await;
    let declined =
        http::post(&f.router, "/v1/authorisations", "k", &body(order(), 100, "tok_declined")).await;
    let declined: Value = declined.json();
    assert_eq!(declined["outcome"], "declined");
    let id = declined["id"].as_str().unwrap();
    let capture = http::post(&f.router, &format!("/v1/authorisations/{id}/capture"), "c", &json!({})).await;
    assert_eq!(capture.status.as_u16(), 409);
}

#[tokio::test]
async fn capture_and_void_repeat_harmlessly_and_exclude_each_other() {
    let f = fixture().await;
    let held: Value =
        http::post(&f.router, "/v1/authorisations", "k", &body(order(), 100, "tok_visa")).await.json();
    let path = format!("/v1/authorisations/{}", held["id"].as_str().unwrap());
    for _ in 0..2 {
        let captured = http::post(&f.router, &format!("{path}/capture"), "c", &json!({})).await;
        assert_eq!(captured.json::<Value>()["state"], "captured");
    }
    let void = http::post(&f.router, &format!("{path}/void"), "v", &json!({})).await;
    assert_eq!(void.status.as_u16(), 409);
    let order = order();
    let held: Value =
        http::post(&f.router, "/v1/authorisations", "k2", &body(order, 100, "tok_visa")).await.json();
    let path = format!("/v1/authorisations/{}", held["id"].as_str().unwrap());
    for _ in 0..2 {
        let voided = http::post(&f.router, &format!("{path}/void"), "v", &json!({})).await;
        assert_eq!(voided.json::<Value>()["state"], "voided");
    }
    let capture = http::post(&f.router, &format!("{path}/capture"), "c", &json!({})).await;
    assert_eq!(capture.status.as_u16(), 409);
    assert_eq!((f.moved(order, "release").await, f.moved(order, "capture").await), (vec![100], vec![]));
}

#[tokio::test]
async fn a_broken_provider_decides_nothing_leaves_its_question_open_and_says_when_to_retry() {
    let f = fixture().await;
    let order = order();
    let broken = http::post(&f.router, "/v1/authorisations", "k", &body(order, 100, "tok_error")).await;
    assert_eq!((broken.status.as_u16(), rows(&f).await), (503, 0));
    assert_eq!(broken.headers["retry-after"], "1");
    let asked = f.payments.store.find_hold(order).await.unwrap().expect("what was asked is written down");
    assert_eq!(asked.state.as_str(), "unknown");
    assert_eq!(f.moved(order, "hold").await, [] as [i64; 0]);
}

#[tokio::test]
async fn the_fault_declines_every_card_until_it_is_off() {
    let f = fixture().await;
    f.faults.activate(DECLINE, Activate { ttl_seconds: 60, ratio: 1.0, delay_ms: 0 }).unwrap();
    let during: Value =
        http::post(&f.router, "/v1/authorisations", "a", &body(order(), 1, "tok_visa")).await.json();
    f.faults.deactivate(DECLINE).unwrap();
    let after: Value =
        http::post(&f.router, "/v1/authorisations", "b", &body(order(), 1, "tok_visa")).await.json();
    assert_eq!((&during["outcome"], &after["outcome"]), (&json!("declined"), &json!("approved")));
}

#[tokio::test]
async fn wrong_input_names_the_field() {
    let f = fixture().await;
    let zero = http::post(&f.router, "/v1/authorisations", "k", &body(order(), 0, "tok_visa")).await;
    let card = http::post(&f.router, "/v1/authorisations", "k", &body(order(), 1, "4242424242424242")).await;
    assert_eq!((zero.status.is_client_error(), card.status.is_client_error()), (true, true));
    assert!(zero.text().contains("amount") && card.text().contains("payment_token"));
    assert!(!card.text().contains("4242"), "an error never repeats what may be a card number");
}
