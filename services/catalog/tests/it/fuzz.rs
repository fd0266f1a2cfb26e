//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure.

use serde_json::json;
use shop_contracts::seed;
use shop_testkit::fuzz::{Plan, no_route_fails};

use crate::Catalog;

#[tokio::test]
async fn no_route_fails_on_arbitrary_bytes() {
    let catalog = Catalog::start().await;
    let known = [seed::products()[0].id.to_string(), seed::products()[1].slug.clone()];
    let bodies = [
        json!({"actor": "a", "name": "Knot", "price": {"amount_minor": 100, "currency": "EUR"}}),
        json!({"actor": "a", "price": {"amount_minor": i64::MAX, "currency": "USD"}}),
        json!({"actor": "a", "title": "Line", "options": ["Length"], "values": ["8 m"]}),
        json!({"actor": "a", "group": seed::variant_groups()[0].id, "values": ["8 m", "\u{1f}"]}),
        json!({"actor": "a"}),
    ];
    let document = shop_catalog::http::document();
    let plan = Plan { document: &document, rounds: 120, seed: 0xca7a_5eed, known: &known, bodies: &bodies };
    assert!(no_route_fails(&catalog.router, &plan).await > 100);
}
