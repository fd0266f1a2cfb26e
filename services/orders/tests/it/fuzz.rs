//! Arbitrary bytes at every route: whatever comes, no answer is the service's own failure.

use serde_json::{Value, json};
use shop_contracts::orders::Order;
use shop_testkit::fuzz::{Good, Plan, each_operation_succeeds, no_route_fails};

use crate::fixture::{Fixture, body, fixture};
use crate::vouchers::voucher;

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

/// An order that is on its way, of which a piece is announced to come back.
async fn coming_back(f: &Fixture) -> Order {
    let order = f.paid(&body()).await;
    f.ship(order.id).await;
    let line = json!({"product_id": order.lines[0].product_id, "quantity": 1});
    let path = format!("/v1/orders/{}/returns", order.id);
    f.post(&path, &json!({"lines": [line], "reason": "too small"})).await.json()
}

/// What the arbitrary requests are a damage of: every operation has one that succeeds.
#[tokio::test]
async fn every_operation_has_a_request_that_succeeds() {
    let f = fixture().await;
    let (unsent, gone) = (f.paid(&body()).await, f.paid(&body()).await);
    let shipped = f.paid(&body()).await;
    f.ship(shipped.id).await;
    let (kept, back, refused) = (coming_back(&f).await, coming_back(&f).await, coming_back(&f).await);
    f.peers.0.lock().unwrap().refuses.push("capture");
    let stuck: Order = f.place("stuck", &body()).await.json();
    f.peers.0.lock().unwrap().refuses.clear();
    let made: Value = f.post("/v1/staff/vouchers", &voucher(&f, 5)).await.json();
    let account = "0190a5b0-0000-7000-8000-0000000000aa";
    let mut another = voucher(&f, 5);
    another["code"] = json!("autumn-26");
    let of = |order: &Order, rest: &str| format!("/v1/orders/{}{rest}", order.id);
    let by_staff = |order: &Order, rest: &str| format!("/v1/staff/orders/{}{rest}", order.id);
    let returned = |order: &Order, verb: &str| format!("/returns/{}/{verb}", order.returns[0].id);
    let get = |operation, path: String| Good { operation, path, headers: vec![], body: Value::Null };
    let post = |operation: &'static str, path: String, body| Good {
        operation,
        headers: vec![("idempotency-key", operation.replace(' ', "-"))],
        path,
        body,
    };
    let goods = json!({"amount_minor": 9_999, "currency": "EUR"});
    let one = json!({"amount_minor": 1, "currency": "EUR"});
    let line = json!({"product_id": shipped.lines[0].product_id, "quantity": 1});
    let parcel = json!({"actor": "ada", "carrier": "Gull Post", "tracking_number": "1"});
    let requests = [
        post("POST /v1/orders", "/v1/orders".to_owned(), body()),
        get("GET /v1/orders", format!("/v1/orders?account_id={account}")),
        get("GET /v1/orders/{id}", of(&unsent, "")),
        get("GET /v1/carts/{cart_id}/orders", "/v1/carts/a-cart/orders".to_owned()),
        post(
            "POST /v1/orders/lookup",
            "/v1/orders/lookup".to_owned(),
            json!({"number": unsent.number, "email": unsent.email}),
        ),
        post("POST /v1/orders/{id}/cancel", of(&gone, "/cancel"), json!({})),
        post("POST /v1/orders/{id}/returns", of(&shipped, "/returns"), json!({"lines": [line]})),
        post(
            "POST /v1/orders/{id}/returns/{return_id}/withdraw",
            of(&kept, &returned(&kept, "withdraw")),
            json!({}),
        ),
        get("GET /v1/staff/orders", "/v1/staff/orders?status=confirmed&shipped=true".to_owned()),
        get("GET /v1/staff/orders/{id}/history", by_staff(&unsent, "/history")),
        post(
            "POST /v1/staff/orders/{id}/refunds",
            by_staff(&unsent, "/refunds"),
            json!({"actor": "ada", "amount": one, "reason": "late"}),
        ),
        post("POST /v1/staff/orders/{id}/ship", by_staff(&unsent, "/ship"), parcel),
        post(
            "POST /v1/staff/orders/{id}/returns/{return_id}/receive",
            by_staff(&back, &returned(&back, "receive")),
            json!({"actor": "ada"}),
        ),
        post(
            "POST /v1/staff/orders/{id}/returns/{return_id}/refuse",
            by_staff(&refused, &returned(&refused, "refuse")),
            json!({"actor": "ada", "reason": "it was worn"}),
        ),
        post(
            "POST /v1/staff/orders/{id}/resolve",
            by_staff(&stuck, "/resolve"),
            json!({"actor": "ada", "resolution": "cancel", "note": "no money"}),
        ),
        post(
            "POST /v1/vouchers/check",
            "/v1/vouchers/check".to_owned(),
            json!({"code": "spring-26", "goods": goods}),
        ),
        get("GET /v1/staff/vouchers", "/v1/staff/vouchers".to_owned()),
        post("POST /v1/staff/vouchers", "/v1/staff/vouchers".to_owned(), another),
        post(
            "POST /v1/staff/vouchers/{id}/end",
            format!("/v1/staff/vouchers/{}/end", made["id"].as_str().unwrap()),
            json!({"actor": "ada"}),
        ),
        post(
            "POST /v1/accounts/{account_id}/anonymise",
            format!("/v1/accounts/{account}/anonymise"),
            json!({}),
        ),
    ];
    each_operation_succeeds(&f.router, &shop_orders::http::document(), &requests).await;
}
