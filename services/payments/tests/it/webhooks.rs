//! Signed webhooks hint and nothing more.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Method;
use futures::FutureExt as _;
use serde_json::{Value, json};
use shop_instrumentation::clock::Clock as _;
use shop_instrumentation::config::Secret;
use shop_payments::http::WebhookKey;
use shop_payments::payments::{Limits, Payments};
use shop_payments::provider::sandbox::SandboxProvider;
use shop_payments::storage::sandbox::PgSandbox;
use shop_payments::webhook::sender::{HEADER, WebhookSender};
use shop_payments::webhook::signature::sign;
use shop_testkit::eventually;
use shop_testkit::http::{self, Answer};

use crate::recording::{Answers, Recording};
use crate::{Fixture, body, fixture, order};

pub fn key() -> WebhookKey {
    WebhookKey { header: HEADER, secret: Secret::new("whsec_test") }
}

async fn deliver(router: &Router, path: &str, body: &[u8], signature: Option<&str>) -> Answer {
    let headers: Vec<(&str, &str)> = signature.map(|s| (HEADER, s)).into_iter().collect();
    http::call(router, Method::POST, path, &headers, Body::from(body.to_vec())).await
}

fn event(id: &str, key: &str) -> Vec<u8> {
    json!({"id": id, "type": "payment.updated", "data": {"object": {"id": "rec_0", "metadata": {"key": key}}}})
        .to_string()
        .into_bytes()
}

async fn events(f: &Fixture) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM webhook_events").fetch_one(&f.db.pool).await.unwrap()
}

#[tokio::test]
async fn without_a_valid_signature_a_webhook_is_refused() {
    let f = fixture().await;
    let router = shop_payments::http::router(f.payments.clone(), Some(key()));
    let body = event("evt_1", "k");
    let now = f.clock.now();
    let good = sign(&key().secret, &body, now);
    let foreign = sign(&Secret::new("whsec_other"), &body, now);
    let old = sign(&key().secret, &body, now - chrono::Duration::seconds(301));
    let path = "/webhooks/sandbox";
    for (name, path, signature, body) in [
        ("unsigned", path, None, &body),
        ("foreign", path, Some(foreign.as_str()), &body),
        ("old", path, Some(old.as_str()), &body),
        ("garbage", path, Some("t=,v1"), &body),
        ("another body", path, Some(good.as_str()), &event("evt_2", "k")),
        ("another provider", "/webhooks/stripe", Some(good.as_str()), &body),
    ] {
        let answer = deliver(&router, path, body, signature).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "unauthenticated".to_owned()), "{name}");
    }
    let without_secret = deliver(&f.router, path, &body, Some(&good)).await;
    assert_eq!(without_secret.status.as_u16(), 401);
    assert_eq!(events(&f).await, 0);
    assert_eq!(deliver(&router, path, &body, Some(&good)).await.status.as_u16(), 204);
    let huge = vec![b' '; 64 * 1024 + 1];
    let signed = sign(&key().secret, &huge, now);
    assert_eq!(deliver(&router, path, &huge, Some(&signed)).await.status.as_u16(), 413);
    let no_event = sign(&key().secret, b"{}", now);
    assert_eq!(deliver(&router, path, b"{}", Some(&no_event)).await.status.as_u16(), 422);
}

/// The event makes the lost answer due at once; the same event again does nothing, and what it claims is not believed.
#[tokio::test]
async fn a_webhook_makes_the_provider_be_asked_once_an_event() {
    let f = fixture().await;
    let provider = Arc::new(Recording::new());
    let limits = Limits { call: Duration::from_millis(100), ..Limits::default() };
    let payments = Payments { limits, ..f.with_provider(provider.clone()) };
    let router = shop_payments::http::router(payments.clone(), Some(key()));
    let order = order();
    provider.answers(Answers::Lost);
    http::post(&router, "/v1/authorisations", "k", &body(order, 700, "tok_visa")).await;
    provider.answers(Answers::Arrive);
    payments.reconcile().await.unwrap();
    assert!(payments.store.find_of_order(order).await.unwrap().is_none(), "not due yet");
    let body = event("evt_1", &order.to_string());
    let signature = sign(&key().secret, &body, f.clock.now());
    let is_woken = || payments.wake.notified().now_or_never().is_some();
    is_woken();
    for is_new in [true, false] {
        let answer = deliver(&router, "/webhooks/recording", &body, Some(&signature)).await;
        assert_eq!((answer.status.as_u16(), is_woken()), (204, is_new));
    }
    assert_eq!(events(&f).await, 1);
    payments.reconcile().await.unwrap();
    let known = payments.store.find_of_order(order).await.unwrap().expect("asked because of the webhook");
    assert_eq!((known.outcome.as_str(), provider.effects(order, "hold")), ("approved", vec![700]));

    let never = order_that_nobody_paid(&f, &payments, &router).await;
    assert!(payments.store.find_of_order(never).await.unwrap().is_none(), "a claim alone holds nothing");
}

async fn order_that_nobody_paid(
    f: &Fixture,
    payments: &Payments,
    router: &Router,
) -> shop_contracts::OrderId {
    let order = order();
    let body = event("evt_claim", &order.to_string());
    let signature = sign(&key().secret, &body, f.clock.now());
    deliver(router, "/webhooks/recording", &body, Some(&signature)).await;
    payments.reconcile().await.unwrap();
    order
}

/// The sandbox tells twice and then once more; over a real socket, with its real signature.
#[tokio::test]
async fn a_provider_that_answers_twice_holds_once() {
    let f = fixture().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/sandbox", listener.local_addr().unwrap());
    let sandbox = SandboxProvider {
        books: PgSandbox::new(f.db.pool.clone()),
        webhooks: Some(WebhookSender::new(&url, key().secret).unwrap()),
        clock: f.clock.shared(),
    };
    let payments = f.with_provider(Arc::new(sandbox));
    let router = shop_payments::http::router(payments.clone(), Some(key()));
    let serving = router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, serving).await });
    let order = order();
    let held = http::post(&router, "/v1/authorisations", "k", &body(order, 900, "tok_double")).await;
    assert_eq!(held.json::<Value>()["outcome"], "approved");
    eventually("both events arrived", || async { events(&f).await == 2 }).await;
    for _ in 0..3 {
        payments.reconcile().await.unwrap();
    }
    assert_eq!(f.moved(order, "hold").await, [900]);
    server.abort();
}

#[tokio::test]
async fn events_are_forgotten_long_after_their_signature_is() {
    let f = fixture().await;
    let router = shop_payments::http::router(f.payments.clone(), Some(key()));
    let body = event("evt_1", "k");
    deliver(&router, "/webhooks/sandbox", &body, Some(&sign(&key().secret, &body, f.clock.now()))).await;
    f.clock.advance(chrono::Duration::days(6));
    f.payments.reconcile().await.unwrap();
    assert_eq!(events(&f).await, 1);
    f.clock.advance(chrono::Duration::days(2));
    f.payments.reconcile().await.unwrap();
    assert_eq!(events(&f).await, 0);
}
