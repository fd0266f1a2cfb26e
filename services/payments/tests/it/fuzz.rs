//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure.

use serde_json::{Value, json};
use shop_testkit::fuzz::{Plan, no_route_fails};
use shop_testkit::http::post;

use crate::{body, fixture, order};

#[tokio::test]
async fn no_route_fails_on_arbitrary_bytes() {
    let f = fixture().await;
    let (paid, other) = (order(), order());
    let held: Value = post(&f.router, "/v1/authorisations", "k", &body(paid, 500, "tok_visa")).await.json();
    let id = held["id"].as_str().unwrap().to_owned();
    let known = [id, paid.to_string(), other.to_string(), "sandbox".to_owned()];
    let bodies = [
        body(paid, 500, "tok_visa"),
        body(other, i64::MAX, "tok_visa"),
        body(order(), 1, "tok_declined"),
        json!({"amount": {"amount_minor": 1, "currency": "EUR"}, "reason": "one"}),
        json!({"amount": {"amount_minor": i64::MAX, "currency": "USD"}}),
    ];
    let document = shop_payments::http::document();
    let plan = Plan { document: &document, rounds: 150, seed: 0x0a11_5eed, known: &known, bodies: &bodies };
    assert!(no_route_fails(&f.router, &plan).await > 20);
}
