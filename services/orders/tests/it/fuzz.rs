//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure.

use serde_json::json;
use shop_testkit::fuzz::{Plan, no_route_fails};

use crate::fixture::{body, fixture};

#[tokio::test]
async fn no_route_fails_on_arbitrary_bytes() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    let product = order.lines[0].product_id;
    let known = [order.id.to_string(), product.to_string()];
    let bodies = [
        body(),
        json!({"lines": [{"product_id": product, "quantity": 1}], "reason": "\u{202e}"}),
        json!({"actor": "ada", "carrier": "DHL", "tracking_number": "1"}),
        json!({"actor": "ada", "amount": {"amount_minor": i64::MAX, "currency": "EUR"}, "reason": "all of it"}),
        json!({"actor": "ada", "resolution": "retry", "note": "again"}),
        json!({"actor": "ada", "reason": "it was worn"}),
        json!({"number": order.number, "email": order.email}),
    ];
    let document = shop_orders::http::document();
    let plan = Plan { document: &document, rounds: 80, seed: 0x0bde_5eed, known: &known, bodies: &bodies };
    assert!(no_route_fails(&f.router, &plan).await > 50);
}
