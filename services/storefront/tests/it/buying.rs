use axum::http::StatusCode;
use chrono::DateTime;
use shop_contracts::orders::{Address, NewOrder, Order, OrderLine, OrderStatus};
use shop_contracts::{AccountId, Currency, Money, OrderId};
use shop_testkit::http::Answer;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::stage::{Shopper, Stage, hidden_fields, lamp};

const FIELDS: [(&str, &str); 7] = [
    ("name", "Kim Harbour"),
    ("email", "kim@example.com"),
    ("address1", "1 Quay Street"),
    ("city", "Kiel"),
    ("postcode", "24103"),
    ("country", "DE"),
    ("payment_token", "tok_visa"),
];

pub fn order(status: OrderStatus, account_id: Option<AccountId>) -> Order {
    let line =
        OrderLine { product_id: lamp().id, name: "Lamp".to_owned(), quantity: 1, unit_price: lamp().price };
    Order {
        id: OrderId::new("0190a5b0-0000-7000-8000-000000000001".parse().unwrap()),
        number: "QD-1001".to_owned(),
        account_id,
        email: "kim@example.com".to_owned(),
        status,
        lines: vec![line],
        total: lamp().price,
        ship_to: Address {
            name: "Kim Harbour".to_owned(),
            address1: "1 Quay Street".to_owned(),
            city: "Kiel".to_owned(),
            postcode: "24103".to_owned(),
            country: "DE".to_owned(),
        },
        placed_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        cart: None,
        shipment: None,
        refunds: vec![],
        returns: vec![],
        can_cancel: false,
        can_return: false,
        reason: None,
    }
}

impl Stage {
    pub async fn orders_answer(&self, order: &Order) {
        self.orders.reset().await;
        let created = ResponseTemplate::new(201).set_body_json(order);
        Mock::given(method("POST")).and(path("/v1/orders")).respond_with(created).mount(&self.orders).await;
        let found = ResponseTemplate::new(200).set_body_json(order);
        let one = format!("/v1/orders/{}", order.id);
        Mock::given(method("GET")).and(path(one)).respond_with(found).mount(&self.orders).await;
    }

    async fn keys_sent(&self) -> Vec<String> {
        let asked = self.orders.received_requests().await.unwrap();
        let posts = asked.iter().filter(|request| request.method.as_str() == "POST");
        posts.map(|request| request.headers["idempotency-key"].to_str().unwrap().to_owned()).collect()
    }
}

async fn check_out(shopper: &mut Shopper<'_>) -> Answer {
    shopper.open("/checkout").await;
    shopper.submit("/checkout", &FIELDS).await
}

#[tokio::test]
async fn guest_buys_a_lamp_and_sees_the_number_but_not_the_address() {
    let stage = Stage::set().await;
    let order = order(OrderStatus::Confirmed, None);
    stage.orders_answer(&order).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let placed = check_out(&mut shopper).await;
    assert_eq!(placed.status, StatusCode::SEE_OTHER, "{}", placed.text());
    let there = placed.headers["location"].to_str().unwrap().to_owned();
    shopper.open(&there).await;
    assert!(shopper.page.contains("<span id=\"order-number\">QD-1001</span>"), "{}", shopper.page);
    assert!(!shopper.page.contains("Quay Street") && !shopper.page.contains("kim@example.com"));
    shopper.open("/cart").await;
    assert!(shopper.page.contains("Nothing in it yet"));
    let asked = stage.orders.received_requests().await.unwrap();
    let sent: NewOrder = asked[0].body_json().unwrap();
    assert_eq!((sent.lines.len(), sent.lines[0].unit_price), (1, Money::new(129_900, Currency::Eur)));
    assert_eq!((sent.account_id, sent.ship_to.country.as_str()), (None, "DE"));
    assert!(stage.metrics().await.contains("shop_checkouts_total{outcome=\"placed\"} 1"));
}

#[tokio::test]
async fn pressing_the_button_twice_leads_to_the_same_order() {
    let stage = Stage::set().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let first = check_out(&mut shopper).await;
    let second = shopper.submit("/checkout", &FIELDS).await;
    assert_eq!(first.headers["location"], second.headers["location"]);
    assert_eq!(stage.keys_sent().await.len(), 1);
}

#[tokio::test]
async fn unanswered_order_is_tried_again_under_the_same_key() {
    let stage = Stage::set().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(500)).mount(&stage.orders).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let unsure = check_out(&mut shopper).await;
    assert_eq!(unsure.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(shopper.page.contains("will not be placed or charged twice"));
    let first = stage.keys_sent().await[0].clone();
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    let placed = shopper.submit("/checkout", &FIELDS).await;
    assert_eq!(placed.status, StatusCode::SEE_OTHER, "{}", placed.text());
    assert_eq!(stage.keys_sent().await, [first]);
}

#[tokio::test]
async fn declined_card_keeps_the_cart_and_the_form_and_takes_another_key() {
    let stage = Stage::set().await;
    stage.orders_answer(&order(OrderStatus::Declined, None)).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let declined = check_out(&mut shopper).await;
    assert_eq!(declined.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(shopper.page.contains("declined this card") && shopper.page.contains("value=\"1 Quay Street\""));
    shopper.submit("/checkout", &FIELDS).await;
    let keys = stage.keys_sent().await;
    assert_ne!(keys[0], keys[1]);
    assert!(stage.metrics().await.contains("shop_checkouts_total{outcome=\"declined\"} 2"));
}

#[tokio::test]
async fn sold_out_and_pending_orders_are_told_apart() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    stage.orders_answer(&order(OrderStatus::Rejected, None)).await;
    shopper.take_a_lamp().await;
    assert_eq!(check_out(&mut shopper).await.status, StatusCode::CONFLICT);
    assert!(shopper.page.contains("Somebody was faster"));
    let pending = order(OrderStatus::Pending, None);
    stage.orders_answer(&pending).await;
    assert_eq!(check_out(&mut shopper).await.status, StatusCode::SEE_OTHER);
    shopper.open(&format!("/orders/{}", pending.id)).await;
    assert!(shopper.page.contains("Being confirmed"));
}

#[tokio::test]
async fn wrong_fields_are_marked_and_nothing_is_ordered() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    let answer = shopper.submit("/checkout", &[("email", "kim"), ("city", "Kiel"), ("country", "XX")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(shopper.page.contains("id=\"email-error\"") && shopper.page.contains("id=\"postcode-error\""));
    assert!(shopper.page.contains("value=\"Kiel\"") && !shopper.page.contains("id=\"city-error\""));
    assert!(stage.keys_sent().await.is_empty());
}

#[tokio::test]
async fn price_that_changed_under_the_form_is_shown_before_anything_is_ordered() {
    let stage = Stage::set().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    let dearer = shop_contracts::catalog::Product { price: Money::new(159_900, Currency::Eur), ..lamp() };
    stage.sells(&dearer).await;
    let answer = shopper.submit("/checkout", &FIELDS).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(shopper.page.contains("Your cart has changed") && shopper.page.contains("€1,599.00"));
    assert!(stage.keys_sent().await.is_empty());
    assert_eq!(shopper.submit("/checkout", &FIELDS).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn order_of_an_account_is_shown_to_nobody_else() {
    let stage = Stage::set().await;
    let owner = AccountId::new("0190a5b0-0000-7000-8000-00000000000a".parse().unwrap());
    let order = order(OrderStatus::Confirmed, Some(owner));
    stage.orders_answer(&order).await;
    let mut stranger = stage.shopper();
    let answer = stranger.open(&format!("/orders/{}", order.id)).await;
    assert!(answer.headers["location"].to_str().unwrap().starts_with("/login?return_to=/orders/"));
}

#[tokio::test]
async fn checkout_form_carries_key_and_token_in_hidden_fields() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    assert!(shopper.page.contains("id=\"checkout-form\"") && shopper.page.contains("id=\"place-order\""));
    let names: Vec<String> =
        hidden_fields(&shopper.page, "/checkout").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["csrf", "key", "seen"]);
}
