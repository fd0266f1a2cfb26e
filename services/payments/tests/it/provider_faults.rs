//! The provider's bad days, switched on: nobody is charged twice, and the books agree afterwards.

use std::time::Duration;

use serde_json::{Value, json};
use shop_instrumentation::faults::Activate;
use shop_payments::payments::{Limits, Payments};
use shop_payments::provider::faulty::{DOUBLE, ERROR, TIMEOUT};
use shop_testkit::{eventually, http};

use crate::{Fixture, body, fixture, order};

fn switch_on(f: &Fixture, fault: &str) {
    f.faults.activate(fault, Activate { ttl_seconds: 60, ratio: 1.0, delay_ms: 0 }).unwrap();
}

fn impatient(f: &Fixture) -> Payments {
    let limits = Limits { call: Duration::from_millis(200), ..Limits::default() };
    Payments { limits, ..f.payments.clone() }
}

async fn settled(f: &Fixture, payments: &Payments, order: shop_contracts::OrderId) -> String {
    eventually("the hold is known", || async {
        f.clock.advance_seconds(2);
        payments.reconcile().await.unwrap();
        payments.store.find_of_order(order).await.unwrap().is_some()
    })
    .await;
    payments.store.find_of_order(order).await.unwrap().unwrap().outcome.as_str().to_owned()
}

#[tokio::test]
async fn an_answer_that_does_not_come_holds_once_and_is_found() {
    let f = fixture().await;
    let payments = impatient(&f);
    let router = shop_payments::http::router(payments.clone(), None);
    let by_fault = order();
    switch_on(&f, TIMEOUT);
    let answer = http::post(&router, "/v1/authorisations", "a", &body(by_fault, 800, "tok_visa")).await;
    f.faults.deactivate(TIMEOUT).unwrap();
    let by_token = order();
    let late = http::post(&router, "/v1/authorisations", "b", &body(by_token, 800, "tok_timeout")).await;
    assert_eq!((answer.status.as_u16(), late.status.as_u16()), (503, 503));
    for order in [by_fault, by_token] {
        assert_eq!(settled(&f, &payments, order).await, "approved");
        assert_eq!(f.moved(order, "hold").await, [800]);
    }
}

#[tokio::test]
async fn a_provider_that_hears_everything_twice_moves_it_once() {
    let f = fixture().await;
    switch_on(&f, DOUBLE);
    let order = order();
    let held: Value =
        http::post(&f.router, "/v1/authorisations", "k", &body(order, 800, "tok_visa")).await.json();
    let path = format!("/v1/authorisations/{}", held["id"].as_str().unwrap());
    let captured = http::post(&f.router, &format!("{path}/capture"), "c", &json!({})).await;
    assert_eq!(captured.json::<Value>()["state"], "captured");
    let refund = json!({"amount": {"amount_minor": 300, "currency": "EUR"}});
    let refund = http::post(&f.router, &format!("{path}/refunds"), "r", &refund).await;
    assert_eq!(refund.json::<Value>()["state"], "succeeded");
    let moved =
        (f.moved(order, "hold").await, f.moved(order, "capture").await, f.moved(order, "refund").await);
    assert_eq!(moved, (vec![800], vec![800], vec![300]));
}

#[tokio::test]
async fn a_provider_that_fails_first_moves_nothing_and_the_card_works_afterwards() {
    let f = fixture().await;
    let order = order();
    switch_on(&f, ERROR);
    let failed = http::post(&f.router, "/v1/authorisations", "k", &body(order, 800, "tok_visa")).await;
    f.faults.deactivate(ERROR).unwrap();
    assert_eq!((failed.status.as_u16(), f.moved(order, "hold").await.len()), (503, 0));
    let again = http::post(&f.router, "/v1/authorisations", "k", &body(order, 800, "tok_visa")).await;
    assert_eq!(again.json::<Value>()["outcome"], "approved");
    assert_eq!(f.moved(order, "hold").await, [800]);
}

/// The order's key at the provider stands for the first card: another one is not asked while that is open.
#[tokio::test]
async fn another_card_is_not_tried_while_the_first_ones_answer_is_open() {
    let f = fixture().await;
    let order = order();
    http::post(&f.router, "/v1/authorisations", "k", &body(order, 800, "tok_error")).await;
    let other = http::post(&f.router, "/v1/authorisations", "k2", &body(order, 800, "tok_visa")).await;
    assert_eq!((other.status.as_u16(), other.code()), (409, "key_reused".to_owned()));
    assert_eq!(f.moved(order, "hold").await, [] as [i64; 0]);
}
