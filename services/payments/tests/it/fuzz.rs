//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure.

use serde_json::{Value, json};
use shop_instrumentation::clock::Clock as _;
use shop_payments::webhook::sender::HEADER;
use shop_payments::webhook::signature::sign;
use shop_testkit::fuzz::{Good, Plan, each_operation_succeeds, no_route_fails};
use shop_testkit::http::post;

use crate::webhooks::key;
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

/// What the arbitrary requests are a damage of: every operation has one that succeeds.
#[tokio::test]
async fn every_operation_has_a_request_that_succeeds() {
    let f = fixture().await;
    let router = shop_payments::http::router(f.payments.clone(), Some(key()));
    let taken: Value =
        post(&router, "/v1/authorisations", "taken", &body(order(), 500, "tok_visa")).await.json();
    let let_go: Value =
        post(&router, "/v1/authorisations", "let-go", &body(order(), 500, "tok_visa")).await.json();
    let of = |held: &Value, verb: &str| format!("/v1/authorisations/{}/{verb}", held["id"].as_str().unwrap());
    let keyed = |operation: &'static str, path: String, body| Good {
        operation,
        headers: vec![("idempotency-key", operation.replace(' ', "-"))],
        path,
        body,
    };
    let event = json!({"id": "evt_1", "type": "payment.updated", "data": {"object": {"id": "rec_0", "metadata": {"key": "k"}}}});
    let signature = sign(&key().secret, event.to_string().as_bytes(), f.clock.now());
    let requests = [
        keyed("POST /v1/authorisations", "/v1/authorisations".to_owned(), body(order(), 500, "tok_visa")),
        keyed("POST /v1/authorisations/{id}/capture", of(&taken, "capture"), json!({})),
        keyed("POST /v1/authorisations/{id}/void", of(&let_go, "void"), json!({})),
        keyed(
            "POST /v1/authorisations/{id}/refunds",
            of(&taken, "refunds"),
            json!({"amount": {"amount_minor": 1, "currency": "EUR"}, "reason": "one"}),
        ),
        keyed("POST /v1/orders/{order_id}/abandon", format!("/v1/orders/{}/abandon", order()), json!({})),
        Good {
            operation: "POST /webhooks/{provider}",
            path: "/webhooks/sandbox".to_owned(),
            headers: vec![(HEADER, signature)],
            body: event,
        },
    ];
    each_operation_succeeds(&router, &shop_payments::http::document(), &requests).await;
}
