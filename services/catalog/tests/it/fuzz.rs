//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure.

use serde_json::{Value, json};
use shop_contracts::{ProductId, seed};
use shop_testkit::fuzz::{Good, Plan, each_operation_succeeds, no_route_fails};

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

/// What the arbitrary requests are a damage of: every operation has one that succeeds.
#[tokio::test]
async fn every_operation_has_a_request_that_succeeds() {
    let catalog = Catalog::start().await;
    let rope = "manila-classic-14-mm";
    let id = ProductId::from_slug(rope);
    let of_rope = |rest: &str| format!("/v1/products/{rope}{rest}");
    let by_staff = |rest: &str| format!("/v1/staff/products/{id}{rest}");
    let group = seed::variant_groups()[0].id;
    let options = &seed::variant_groups()[0].options;
    let get = |operation, path: String| Good { operation, path, headers: vec![], body: Value::Null };
    let post = |operation, path: String, body| Good { operation, path, headers: vec![], body };
    let requests = [
        get("GET /v1/categories", "/v1/categories".to_owned()),
        get("GET /v1/products", "/v1/products?q=rope&page=1".to_owned()),
        get("GET /v1/products-by-id", format!("/v1/products-by-id?ids={id}")),
        get("GET /v1/products/{slug_or_id}", of_rope("")),
        get("GET /v1/products/{slug_or_id}/picture.svg", of_rope("/picture.svg")),
        get("GET /v1/products/{slug_or_id}/related", of_rope("/related")),
        get("GET /v1/sitemap", "/v1/sitemap".to_owned()),
        get("GET /v1/suggestions", "/v1/suggestions?q=rop".to_owned()),
        post(
            "POST /v1/staff/products/{id}",
            by_staff(""),
            json!({"actor": "mara", "description": "Good rope."}),
        ),
        get("GET /v1/staff/products/{id}/history", by_staff("/history")),
        post(
            "POST /v1/staff/products/{id}/variant",
            by_staff("/variant"),
            json!({"actor": "mara", "title": "Manila", "options": ["Size"], "values": ["14 mm"]}),
        ),
        post(
            "POST /v1/staff/products/{id}/variant/leave",
            by_staff("/variant/leave"),
            json!({"actor": "mara"}),
        ),
        get("GET /v1/staff/variant-groups", "/v1/staff/variant-groups".to_owned()),
        post(
            "POST /v1/staff/variant-groups/{id}",
            format!("/v1/staff/variant-groups/{group}"),
            json!({"actor": "mara", "title": "Another title", "options": options}),
        ),
    ];
    each_operation_succeeds(&catalog.router, &shop_catalog::http::document(), &requests).await;
}
