//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure, and the books agree.

use serde_json::{Value, json};
use shop_testkit::fuzz::{Good, Plan, each_operation_succeeds, no_route_fails};

use crate::{fixture, order};

#[tokio::test]
async fn no_route_fails_on_arbitrary_bytes() {
    let f = fixture().await;
    let product = f.product(20).await;
    let sale: Value = f.reserve(order(), &[(product, 2)]).await.json();
    f.act(&sale, "confirm").await;
    let known = [product.to_string(), sale["id"].as_str().unwrap().to_owned()];
    let lines = json!([{"product_id": product, "quantity": 1}]);
    let bodies = [
        json!({"order_id": order(), "lines": lines}),
        json!({"lines": lines, "reason": "returned"}),
        json!({"actor": "a", "delta": i64::MIN, "reason": "other"}),
        json!({"actor": "a", "delta": 100_000, "reason": "count"}),
    ];
    let document = shop_inventory::http::document();
    let plan = Plan { document: &document, rounds: 200, seed: 0x01e0_5eed, known: &known, bodies: &bodies };
    assert!(no_route_fails(&f.router, &plan).await > 50);
    f.assert_balanced().await;
}

/// What the arbitrary requests are a damage of: every operation has one that succeeds.
#[tokio::test]
async fn every_operation_has_a_request_that_succeeds() {
    let f = fixture().await;
    let product = f.product(20).await;
    let (sold, let_go): (Value, Value) =
        (f.reserve(order(), &[(product, 2)]).await.json(), f.reserve(order(), &[(product, 1)]).await.json());
    let of = |reservation: &Value, verb: &str| {
        format!("/v1/reservations/{}/{verb}", reservation["id"].as_str().unwrap())
    };
    let lines = json!([{"product_id": product, "quantity": 1}]);
    let get = |operation, path: String| Good { operation, path, headers: vec![], body: Value::Null };
    let post = |operation: &'static str, path: String, body| Good {
        operation,
        headers: vec![("idempotency-key", operation.replace(' ', "-"))],
        path,
        body,
    };
    let requests = [
        post(
            "POST /v1/reservations",
            "/v1/reservations".to_owned(),
            json!({"order_id": order(), "lines": lines}),
        ),
        post("POST /v1/reservations/{id}/confirm", of(&sold, "confirm"), json!({})),
        post("POST /v1/reservations/{id}/release", of(&let_go, "release"), json!({})),
        post(
            "POST /v1/reservations/{id}/returns",
            of(&sold, "returns"),
            json!({"lines": lines, "reason": "returned"}),
        ),
        get("GET /v1/stock", format!("/v1/stock?ids={product}")),
        get("GET /v1/staff/stock", "/v1/staff/stock".to_owned()),
        post(
            "POST /v1/staff/stock/{product_id}/adjustments",
            format!("/v1/staff/stock/{product}/adjustments"),
            json!({"actor": "ada", "delta": 3, "reason": "count"}),
        ),
        get("GET /v1/staff/stock/{product_id}/ledger", format!("/v1/staff/stock/{product}/ledger")),
    ];
    each_operation_succeeds(&f.router, &shop_inventory::http::document(), &requests).await;
    f.assert_balanced().await;
}
