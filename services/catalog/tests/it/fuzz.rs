//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure.

use axum::body::Body;
use axum::http::Method;
use serde_json::json;
use shop_contracts::seed;
use shop_testkit::fuzz::{Bytes, routes_in};
use shop_testkit::http::call;

use crate::Catalog;

const ROUNDS: usize = 100;
const PARAMETERS: [&str; 10] =
    ["category", "q", "maker", "min_price", "max_price", "page", "per_page", "sort", "ids", "v"];

fn body(bytes: &mut Bytes) -> Vec<u8> {
    let price = json!({"amount_minor": bytes.number() as i64, "currency": "EUR"});
    let known = [
        json!({"actor": bytes.text(), "name": bytes.text(), "note": bytes.text()}),
        json!({"actor": "a", "description": bytes.text()}),
        json!({"actor": "a", "name": "Knot", "price": price}),
    ];
    let body = known[bytes.below(known.len())].to_string().into_bytes();
    bytes.damaged(body)
}

#[tokio::test]
async fn no_route_fails_on_arbitrary_bytes() {
    let catalog = Catalog::start().await;
    let known = [seed::products()[0].id.to_string(), seed::products()[1].slug.clone()];
    let routes = routes_in(include_str!("../../src/http/mod.rs"));
    assert!(routes.len() >= 10, "{routes:?}");
    let mut bytes = Bytes::new(0xca7a_5eed);
    for route in &routes {
        let method = if route.ends_with("/staff/products/{id}") { Method::POST } else { Method::GET };
        for _ in 0..ROUNDS {
            let uri = format!("{}?{}", bytes.path(route, &known), bytes.query(&PARAMETERS));
            let body = body(&mut bytes);
            let shown = format!("{method} {uri} {}", String::from_utf8_lossy(&body));
            let headers = [("content-type", "application/json")];
            let answer = call(&catalog.router, method.clone(), &uri, &headers, Body::from(body)).await;
            assert!(!answer.status.is_server_error(), "{shown}: {} {}", answer.status, answer.text());
        }
    }
}
