//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure, and the books agree.

use serde_json::{Value, json};
use shop_testkit::fuzz::{Plan, no_route_fails};

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
