//! Orders that are being confirmed, as the cart shows them.

use serde_json::json;
use shop_contracts::OrderId;
use shop_contracts::orders::{Order, OrderStatus};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::buying::{FIELDS, order};
use crate::stage::{Shopper, Stage};

/// Orders a lamp; the bank has not answered yet.
async fn order_a_lamp(stage: &Stage, shopper: &mut Shopper<'_>, n: u32) -> Order {
    shopper.take_a_lamp().await;
    let id = format!("0190a5b0-0000-7000-8000-00000000000{n}");
    let placed = Order {
        id: OrderId::new(id.parse().unwrap()),
        number: format!("QD-100{n}"),
        ..order(OrderStatus::Pending, None)
    };
    shopper.open("/checkout").await;
    let taken = ResponseTemplate::new(201).set_body_json(&placed);
    Mock::given(method("POST"))
        .and(path("/v1/orders"))
        .respond_with(taken)
        .up_to_n_times(1)
        .mount(&stage.orders)
        .await;
    shopper.press(&FIELDS).await;
    let asked = stage.orders.received_requests().await.unwrap();
    let last = asked.iter().rfind(|one| one.url.path() == "/v1/orders").unwrap();
    let sent: shop_contracts::orders::NewOrder = last.body_json().unwrap();
    let placed = Order { cart: sent.cart, ..placed };
    let found = ResponseTemplate::new(200).set_body_json(&placed);
    let one = format!("/v1/orders/{}", placed.id);
    Mock::given(method("GET")).and(path(one)).respond_with(found).mount(&stage.orders).await;
    placed
}

#[tokio::test]
async fn open_orders_stand_in_one_box_that_says_so_once_with_a_line_for_each() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    let mut placed = Vec::new();
    for n in 1..=3 {
        placed.push(order_a_lamp(&stage, &mut shopper, n).await);
    }
    shopper.open("/cart").await;
    assert_eq!(shopper.page.matches("class=\"open-order\"").count(), 1, "{}", shopper.page);
    assert_eq!(shopper.page.matches("need not order").count(), 1, "{}", shopper.page);
    for order in &placed {
        let line = format!("<li><a href=\"/orders/{}\">{}</a> · 1 × Lamp", order.id, order.number);
        assert!(shopper.page.contains(&line), "{line}: {}", shopper.page);
    }
    // Orders does not answer: which they are is known, their numbers are not.
    stage.orders.reset().await;
    let away = ResponseTemplate::new(503).set_body_json(json!({"status": 503, "code": "unavailable"}));
    Mock::given(method("GET")).respond_with(away).mount(&stage.orders).await;
    shopper.open("/cart").await;
    for order in &placed {
        assert!(shopper.page.contains(&format!("<li><a href=\"/orders/{}\">", order.id)), "{}", shopper.page);
    }
}
