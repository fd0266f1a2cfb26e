//! Abandoned orders keep nobody's money.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shop_contracts::payments::NewAuthorisation;
use shop_payments::payments::{Limits, Payments};
use shop_payments::provider::{HoldRequest, PaymentProvider as _};
use shop_testkit::{eventually, http};

use crate::recording::{Answers, Recording};
use crate::{body, fixture, order};

#[tokio::test]
async fn an_abandoned_order_is_refused_from_then_on() {
    let f = fixture().await;
    let order = order();
    let path = format!("/v1/orders/{order}/abandon");
    for _ in 0..2 {
        let abandoned = http::post(&f.router, &path, "x", &json!({})).await;
        assert_eq!(abandoned.status.as_u16(), 200);
        assert!(abandoned.json::<Value>()["authorisation"].is_null());
    }
    let late = http::post(&f.router, "/v1/authorisations", "k", &body(order, 100, "tok_visa")).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "conflict".to_owned()));
    assert_eq!(f.moved(order, "hold").await, [] as [i64; 0]);
}

#[tokio::test]
async fn a_known_hold_is_given_back_at_once() {
    let f = fixture().await;
    let order = order();
    http::post(&f.router, "/v1/authorisations", "k", &body(order, 100, "tok_visa")).await;
    let abandoned = http::post(&f.router, &format!("/v1/orders/{order}/abandon"), "x", &json!({})).await;
    assert_eq!(abandoned.json::<Value>()["authorisation"]["state"], "voided");
    assert_eq!((f.moved(order, "hold").await, f.moved(order, "release").await), (vec![100], vec![100]));
    let again = http::post(&f.router, "/v1/authorisations", "k", &body(order, 100, "tok_visa")).await;
    assert_eq!(again.status.as_u16(), 409, "nobody may take it for a payment any more");
}

#[tokio::test]
async fn taken_money_is_not_abandoned() {
    let f = fixture().await;
    let order = order();
    let held: Value =
        http::post(&f.router, "/v1/authorisations", "k", &body(order, 100, "tok_visa")).await.json();
    let path = format!("/v1/authorisations/{}/capture", held["id"].as_str().unwrap());
    http::post(&f.router, &path, "x", &json!({})).await;
    let abandoned = http::post(&f.router, &format!("/v1/orders/{order}/abandon"), "x", &json!({})).await;
    assert_eq!((abandoned.status.as_u16(), abandoned.code()), (409, "conflict".to_owned()));
    assert_eq!(f.moved(order, "release").await, [] as [i64; 0]);
}

/// The provider decides, or tells, only after the order was given up: the money goes back.
#[tokio::test]
async fn what_the_provider_decides_later_is_given_back() {
    for answers in [Answers::Lost, Answers::Gated] {
        let f = fixture().await;
        let provider = Arc::new(Recording::new());
        let limits = Limits { call: Duration::from_secs(30), ..Limits::default() };
        let payments = Payments { limits, ..f.with_provider(provider.clone()) };
        let order = order();
        provider.answers(answers);
        let asking = {
            let (payments, request) = (payments.clone(), body(order, 700, "tok_visa"));
            tokio::spawn(
                async move { payments.authorise("k", serde_json::from_value(request).unwrap()).await },
            )
        };
        provider.arrived.acquire().await.unwrap().forget();
        payments.abandon(order).await.unwrap();
        provider.gate.add_permits(10);
        let heard = asking.await.unwrap();
        assert!(heard.is_err(), "{answers:?}: nobody may take it for a payment: {heard:?}");
        provider.answers(Answers::Arrive);
        eventually("the money went back", || async {
            f.clock.advance_seconds(3);
            payments.reconcile().await.unwrap();
            !provider.effects(order, "void").is_empty()
        })
        .await;
        assert_eq!(
            (provider.effects(order, "hold"), provider.effects(order, "void")),
            (vec![700], vec![700])
        );
        assert_eq!(payments.store.find_of_order(order).await.unwrap().unwrap().state.as_str(), "voided");
    }
}

/// It was on its way for longer than the provider's books lag, so that it counted as never heard of.
#[tokio::test]
async fn a_hold_that_arrives_after_it_was_given_up_goes_back() {
    let f = fixture().await;
    let provider = Arc::new(Recording::new());
    let limits = Limits { call: Duration::from_millis(100), ..Limits::default() };
    let payments = Payments { limits, ..f.with_provider(provider.clone()) };
    let order = order();
    let asked: NewAuthorisation = serde_json::from_value(body(order, 700, "tok_visa")).unwrap();
    provider.answers(Answers::Gated);
    payments.authorise("k", asked.clone()).await.unwrap_err();
    payments.abandon(order).await.unwrap();
    for _ in 0..10 {
        f.clock.advance_seconds(5);
        payments.reconcile().await.unwrap();
    }
    let state = sqlx::query_scalar::<_, String>("SELECT state FROM payment_operations");
    assert_eq!(state.fetch_one(&f.db.pool).await.unwrap(), "failed");
    provider.answers(Answers::Arrive);
    let (key, token) = (order.to_string(), &asked.payment_token);
    provider
        .authorise(HoldRequest { key: &key, order_id: order, amount: asked.amount, token })
        .await
        .unwrap();
    eventually("the money went back", || async {
        f.clock.advance_seconds(60);
        payments.reconcile().await.unwrap();
        !provider.effects(order, "void").is_empty()
    })
    .await;
    assert_eq!((provider.effects(order, "hold"), provider.effects(order, "void")), (vec![700], vec![700]));
}

#[tokio::test]
async fn a_hold_that_nobody_captures_goes_back_before_it_expires() {
    let f = fixture().await;
    let order = order();
    http::post(&f.router, "/v1/authorisations", "k", &body(order, 100, "tok_visa")).await;
    f.payments.reconcile().await.unwrap();
    assert_eq!(f.moved(order, "release").await, [] as [i64; 0]);
    f.clock.advance(chrono::Duration::days(6) + chrono::Duration::seconds(1));
    f.payments.reconcile().await.unwrap();
    assert_eq!(f.moved(order, "release").await, [100]);
}
