//! While the provider's answer is looked for, nothing about the same money is refused for good; a refusal that was told
//! is no last word either.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use shop_payments::payments::{Limits, Payments};
use shop_payments::provider::RefundStanding;
use shop_testkit::http;

use crate::recording::{Answers, Recording};
use crate::{Fixture, body, fixture, order, standing};

const MINUTE_SECONDS: i64 = 61;

fn recorded(f: &Fixture) -> (Payments, Arc<Recording>, axum::Router) {
    let provider = Arc::new(Recording::new());
    let limits = Limits { call: Duration::from_millis(100), ..Limits::default() };
    let payments = Payments { limits, ..f.with_provider(provider.clone()) };
    let router = shop_payments::http::router(payments.clone(), None);
    (payments, provider, router)
}

async fn held(router: &axum::Router, order: shop_contracts::OrderId) -> String {
    let (key, body) = (order.to_string(), body(order, 700, "tok_visa"));
    let held: Value = http::post(router, "/v1/authorisations", &key, &body).await.json();
    format!("/v1/authorisations/{}", held["id"].as_str().unwrap())
}

async fn settle(router: &axum::Router, path: &str, verb: &str) -> http::Answer {
    http::post(router, &format!("{path}/{verb}"), "x", &json!({})).await
}

fn amount(minor: i64) -> Value {
    json!({"amount": {"amount_minor": minor, "currency": "EUR"}})
}

async fn reconciled(f: &Fixture, payments: &Payments) {
    for _ in 0..3 {
        f.clock.advance_seconds(3);
        payments.reconcile().await.unwrap();
    }
}

async fn differences(f: &Fixture) -> Vec<(String, bool)> {
    sqlx::query_as("SELECT kind, resolved_at IS NOT NULL FROM payment_differences ORDER BY kind")
        .fetch_all(&f.db.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_capture_that_is_looked_for_makes_void_and_refund_wait() {
    for answers in [Answers::Lost, Answers::Never] {
        let f = fixture().await;
        let (payments, provider, router) = recorded(&f);
        let order = order();
        let path = held(&router, order).await;
        provider.answers(answers);
        assert_eq!(settle(&router, &path, "capture").await.status.as_u16(), 503);
        let void = settle(&router, &path, "void").await;
        assert_eq!(void.status.as_u16(), 503, "a 409 would be the last word: {}", void.text());
        let refund = http::post(&router, &format!("{path}/refunds"), "r", &amount(700)).await;
        assert_eq!(refund.status.as_u16(), 503, "{}", refund.text());
        provider.answers(Answers::Arrive);
        reconciled(&f, &payments).await;
        assert_eq!(settle(&router, &path, "void").await.status.as_u16(), 409, "it was taken");
        let refund = http::post(&router, &format!("{path}/refunds"), "r", &amount(700)).await;
        assert_eq!(refund.json::<Value>()["state"], "succeeded");
        assert_eq!(
            (provider.effects(order, "capture"), provider.effects(order, "refund")),
            (vec![700], vec![700])
        );
    }
}

/// The first request was heard: a card is not declined because it was asked for once more.
#[tokio::test]
async fn a_hold_whose_repeat_is_refused_ends_as_the_books_say() {
    let f = fixture().await;
    let (payments, provider, router) = recorded(&f);
    let order = order();
    let asked = body(order, 700, "tok_visa");
    for answers in [Answers::Lost, Answers::Refused] {
        provider.answers(answers);
        let answer = http::post(&router, "/v1/authorisations", "k", &asked).await;
        assert_eq!(answer.status.as_u16(), 503, "{answers:?}: {}", answer.text());
    }
    provider.answers(Answers::Arrive);
    reconciled(&f, &payments).await;
    let held: Value = http::post(&router, "/v1/authorisations", "k", &asked).await.json();
    assert_eq!((&held["outcome"], provider.effects(order, "hold")), (&json!("approved"), vec![700]));
}

#[tokio::test]
async fn a_void_that_is_looked_for_makes_a_capture_wait() {
    let f = fixture().await;
    let (payments, provider, router) = recorded(&f);
    let order = order();
    let path = held(&router, order).await;
    provider.answers(Answers::Lost);
    assert_eq!(settle(&router, &path, "void").await.status.as_u16(), 503);
    assert_eq!(settle(&router, &path, "capture").await.status.as_u16(), 503);
    provider.answers(Answers::Arrive);
    reconciled(&f, &payments).await;
    assert_eq!(settle(&router, &path, "capture").await.status.as_u16(), 409, "it was let go of");
    assert_eq!(provider.effects(order, "capture"), [] as [i64; 0]);
}

#[tokio::test]
async fn a_refused_void_is_told_as_a_difference_and_asked_for_anew_after_a_minute() {
    let f = fixture().await;
    let (payments, provider, router) = recorded(&f);
    let order = order();
    let path = held(&router, order).await;
    provider.bind("rec_0", true);
    for _ in 0..2 {
        assert_eq!(settle(&router, &path, "void").await.status.as_u16(), 409);
    }
    assert_eq!(provider.voids_asked(), 1, "a repeat hears the same answer");
    payments.reconcile().await.unwrap();
    assert_eq!(differences(&f).await, [("void_refused".to_owned(), false)]);
    assert_eq!(payments.metrics.differences.with_label_values(&["void_refused"]).get(), 1);
    f.clock.advance_seconds(MINUTE_SECONDS);
    // Held there as here: the comparison does not close it.
    payments.reconcile().await.unwrap();
    assert_eq!(differences(&f).await, [("void_refused".to_owned(), false)]);
    provider.bind("rec_0", false);
    let void = settle(&router, &path, "void").await;
    assert_eq!(void.json::<Value>()["state"], "voided", "{}", void.text());
    assert_eq!(provider.effects(order, "void"), [700]);
    f.clock.advance_seconds(MINUTE_SECONDS);
    payments.reconcile().await.unwrap();
    assert_eq!(differences(&f).await, [("void_refused".to_owned(), true)]);
}

#[tokio::test]
async fn holds_that_cannot_be_voided_do_not_starve_those_that_can() {
    let f = fixture().await;
    let (payments, provider, router) = recorded(&f);
    for i in 0..40 {
        held(&router, order()).await;
        provider.bind(&format!("rec_{i}"), true);
        f.clock.advance_seconds(1);
    }
    let last = order();
    held(&router, last).await;
    f.clock.advance(chrono::Duration::days(6) + chrono::Duration::seconds(1));
    for _ in 0..3 {
        payments.reconcile().await.unwrap();
    }
    assert_eq!(provider.effects(last, "void"), [700]);
    assert_eq!(provider.voids_asked(), 41, "each once: the refused ones are left alone for a while");
}

#[tokio::test]
async fn a_refund_that_the_provider_has_not_decided_is_requested_and_ends_as_its_books_say() {
    for (decision, end, refunded) in
        [(RefundStanding::Succeeded, "succeeded", 300), (RefundStanding::Failed, "failed", 0)]
    {
        let f = fixture().await;
        let (payments, provider, router) = recorded(&f);
        let path = held(&router, order()).await;
        settle(&router, &path, "capture").await;
        provider.refunds_stand(RefundStanding::Pending);
        let refunds = format!("{path}/refunds");
        for _ in 0..2 {
            let asked: Value = http::post(&router, &refunds, "r", &amount(300)).await.json();
            assert_eq!(asked["state"], "requested");
            reconciled(&f, &payments).await;
        }
        let over = http::post(&router, &refunds, "other", &amount(401)).await;
        assert_eq!(over.code(), "conflict", "what is under way counts as given back");
        provider.decide_refunds(decision);
        f.clock.advance_seconds(60);
        payments.reconcile().await.unwrap();
        let ended: Value = http::post(&router, &refunds, "r", &amount(300)).await.json();
        assert_eq!(ended["state"], end);
        let shown = standing(&payments, &path).await;
        assert_eq!(shown["refunded_minor"], refunded);
        // What was refused gave nothing back.
        provider.refunds_stand(RefundStanding::Succeeded);
        let rest: Value = http::post(&router, &refunds, "rest", &amount(700 - refunded)).await.json();
        assert_eq!(rest["state"], "succeeded", "{rest}");
    }
}

/// The books tell of a capture that was asked for after the row was read.
#[tokio::test]
async fn a_payment_that_moves_while_the_books_are_read_is_no_difference() {
    let f = fixture().await;
    let (payments, provider, router) = recorded(&f);
    let order = order();
    let path = held(&router, order).await;
    f.clock.advance_seconds(MINUTE_SECONDS);
    provider.books_hold.store(true, Ordering::SeqCst);
    let limits = Limits { call: Duration::from_secs(30), ..Limits::default() };
    let reader = Payments { limits, ..payments.clone() };
    let round = tokio::spawn(async move { reader.reconcile().await.unwrap() });
    provider.looking.acquire().await.unwrap().forget();
    provider.books_hold.store(false, Ordering::SeqCst);
    assert_eq!(settle(&router, &path, "capture").await.status.as_u16(), 200);
    provider.books_gate.add_permits(1);
    assert_eq!(round.await.unwrap(), 1);
    assert_eq!(differences(&f).await, []);
    assert_eq!(standing(&payments, &path).await["state"], "captured");
}
