//! Giving taken money back.

use serde_json::{Value, json};
use shop_testkit::http;

use crate::{Fixture, body, fixture, order, standing};

async fn captured(f: &Fixture, order: shop_contracts::OrderId, token: &str) -> String {
    let held: Value =
        http::post(&f.router, "/v1/authorisations", &order.to_string(), &body(order, 1000, token))
            .await
            .json();
    let path = format!("/v1/authorisations/{}", held["id"].as_str().unwrap());
    http::post(&f.router, &format!("{path}/capture"), "c", &json!({})).await;
    path
}

fn amount(minor: i64) -> Value {
    json!({"amount": {"amount_minor": minor, "currency": "EUR"}, "reason": "broken"})
}

#[tokio::test]
async fn parts_add_up_to_what_was_taken_and_no_further() {
    let f = fixture().await;
    let order = order();
    let path = captured(&f, order, "tok_visa").await;
    let refunds = format!("{path}/refunds");
    let first: Value = http::post(&f.router, &refunds, "r1", &amount(400)).await.json();
    let again: Value = http::post(&f.router, &refunds, "r1", &amount(400)).await.json();
    assert_eq!((&first["state"], &first["id"]), (&json!("succeeded"), &again["id"]));
    let over = http::post(&f.router, &refunds, "r2", &amount(601)).await;
    assert_eq!((over.status.as_u16(), over.code()), (409, "conflict".to_owned()));
    assert!(over.text().contains("600"), "{}", over.text());
    let reused = http::post(&f.router, &refunds, "r1", &amount(5)).await;
    assert_eq!(reused.code(), "key_reused");
    assert_eq!(reused.json::<Value>()["existing"]["id"], first["id"]);
    http::post(&f.router, &refunds, "r3", &amount(600)).await;
    let shown = standing(&f.payments, &path).await;
    assert_eq!((&shown["state"], &shown["refunded_minor"]), (&json!("refunded"), &json!(1000)));
    assert_eq!(f.moved(order, "refund").await, [400, 600]);
}

#[tokio::test]
async fn refunds_at_the_same_moment_do_not_exceed_what_was_taken() {
    let f = fixture().await;
    let order = order();
    let refunds = format!("{}/refunds", captured(&f, order, "tok_visa").await);
    let keys: Vec<String> = (0..12).map(|i| format!("r{i}")).collect();
    let body = amount(300);
    let answers =
        futures::future::join_all(keys.iter().map(|key| http::post(&f.router, &refunds, key, &body))).await;
    let created = answers.iter().filter(|a| a.status.as_u16() == 201).count();
    assert_eq!((created, f.moved(order, "refund").await.iter().sum::<i64>()), (3, 900));
    assert!(answers.iter().all(|a| [201, 409].contains(&a.status.as_u16())));
}

#[tokio::test]
async fn only_taken_money_is_refunded_and_wrong_input_names_the_field() {
    let f = fixture().await;
    let held: Value =
        http::post(&f.router, "/v1/authorisations", "k", &body(order(), 1000, "tok_visa")).await.json();
    let refunds = format!("/v1/authorisations/{}/refunds", held["id"].as_str().unwrap());
    assert_eq!(http::post(&f.router, &refunds, "r", &amount(1)).await.status.as_u16(), 409);
    let zero = http::post(&f.router, &refunds, "r", &amount(0)).await;
    assert!(zero.status.is_client_error() && zero.text().contains("amount"));
    let long = json!({"amount": {"amount_minor": 1, "currency": "EUR"}, "reason": "x".repeat(201)});
    assert!(http::post(&f.router, &refunds, "r", &long).await.text().contains("reason"));
    let foreign = json!({"amount": {"amount_minor": 1, "currency": "USD"}});
    let path = captured(&f, order(), "tok_visa").await;
    assert_eq!(http::post(&f.router, &format!("{path}/refunds"), "r", &foreign).await.status.as_u16(), 409);
    let nobody = format!("/v1/authorisations/{}/refunds", order());
    assert_eq!(http::post(&f.router, &nobody, "q", &amount(1)).await.status.as_u16(), 404);
}

#[tokio::test]
async fn a_card_that_cannot_be_captured_says_so_and_can_still_be_voided() {
    let f = fixture().await;
    let order = order();
    let path = captured(&f, order, "tok_capture_fail").await;
    let capture = http::post(&f.router, &format!("{path}/capture"), "c", &json!({})).await;
    assert_eq!((capture.status.as_u16(), capture.code()), (409, "conflict".to_owned()));
    assert!(capture.text().contains("refuse"), "{}", capture.text());
    let void = http::post(&f.router, &format!("{path}/void"), "v", &json!({})).await;
    assert_eq!(void.json::<Value>()["state"], "voided");
    assert_eq!((f.moved(order, "capture").await, f.moved(order, "release").await), (vec![], vec![1000]));
    let capture = http::post(&f.router, &format!("{path}/capture"), "c", &json!({})).await;
    assert!(capture.text().contains("already voided"), "{}", capture.text());
}
