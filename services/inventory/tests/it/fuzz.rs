//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use shop_contracts::ProductId;
use shop_testkit::fuzz::{Bytes, routes_in};
use shop_testkit::http;

use crate::{fixture, order};

const ROUNDS: usize = 150;

fn body(bytes: &mut Bytes, product: ProductId) -> Vec<u8> {
    let lines = json!([{"product_id": product, "quantity": bytes.number() % 120}]);
    let known = [
        json!({"order_id": order(), "lines": lines}),
        json!({"lines": lines, "reason": bytes.text()}),
        json!({"lines": lines, "reason": "returned"}),
        json!({"actor": bytes.text(), "delta": bytes.number() as i64, "reason": "count", "note": bytes.text()}),
        json!({"actor": "a", "delta": i64::MIN, "reason": "other"}),
        Value::Null,
    ];
    let body = known[bytes.below(known.len())].to_string().into_bytes();
    bytes.damaged(body)
}

#[tokio::test]
async fn no_route_fails_on_arbitrary_bytes() {
    let f = fixture().await;
    let product = f.product(20).await;
    let sale: Value = f.reserve(order(), &[(product, 2)]).await.json();
    f.act(&sale, "confirm").await;
    let known = [product.to_string(), sale["id"].as_str().unwrap().to_owned()];
    let routes = routes_in(include_str!("../../src/http/mod.rs"));
    assert!(routes.len() >= 8, "{routes:?}");
    let mut bytes = Bytes::new(0x1e0_5eed);
    for route in &routes {
        for _ in 0..ROUNDS {
            let path = bytes.path(route, &known);
            let query = bytes.query(&["ids", "q", "page"]);
            for method in [Method::GET, Method::POST] {
                let key = bytes.header();
                let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
                let body = body(&mut bytes, product);
                let uri = format!("{path}?{query}");
                let shown = format!("{method} {uri} {}", String::from_utf8_lossy(&body));
                let answer = http::call(&f.router, method, &uri, &headers, Body::from(body)).await;
                assert!(!answer.status.is_server_error(), "{shown}: {} {}", answer.status, answer.text());
            }
        }
    }
    f.assert_balanced().await;
}
