use std::time::Duration;

use axum::http::StatusCode;
use chrono::DateTime;
use serde_json::json;
use shop_contracts::orders::{Address, NewOrder, Order, OrderLine, OrderStatus};
use shop_contracts::{AccountId, Currency, Money, OrderId};
use shop_testkit::http::Answer;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::stage::{Leads as _, Shopper, Stage, hidden_fields, lamp};

pub const FIELDS: [(&str, &str); 7] = [
    ("name", "Kim Harbour"),
    ("email", "kim@example.com"),
    ("address1", "1 Quay Street"),
    ("city", "Kiel"),
    ("postcode", "24103"),
    ("country", "DE"),
    ("payment_token", "tok_visa"),
];

pub fn order(status: OrderStatus, account_id: Option<AccountId>) -> Order {
    let line = OrderLine {
        product_id: lamp().id,
        name: "Lamp".to_owned(),
        quantity: 1,
        unit_price: lamp().price,
        charge: None,
    };
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
        charges: None,
        captured: None,
        needs_person: false,
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

    /// Orders now refuses everything because of this order.
    pub async fn orders_refuse(&self, code: &str, existing: &Order) {
        self.orders_answer(existing).await;
        let refusal = refusal(code, existing);
        Mock::given(method("POST")).respond_with(refusal).with_priority(1).mount(&self.orders).await;
    }

    /// The first order that was asked for.
    pub async fn placed(&self) -> NewOrder {
        let asked = self.orders.received_requests().await.unwrap();
        let posted = asked.iter().find(|request| request.url.path() == "/v1/orders");
        posted.unwrap().body_json().unwrap()
    }

    pub async fn keys_sent(&self) -> Vec<String> {
        let asked = self.orders.received_requests().await.unwrap();
        let posts = asked.iter().filter(|request| request.method.as_str() == "POST");
        posts.map(|request| request.headers["idempotency-key"].to_str().unwrap().to_owned()).collect()
    }
}

fn with_card(token: &'static str) -> [(&'static str, &'static str); 7] {
    FIELDS.map(|(name, value)| (name, if name == "payment_token" { token } else { value }))
}

fn refusal(code: &str, existing: &Order) -> ResponseTemplate {
    ResponseTemplate::new(409).set_body_json(json!({"status": 409, "code": code, "existing": existing}))
}

pub async fn check_out(shopper: &mut Shopper<'_>) -> Answer {
    shopper.open("/checkout").await;
    shopper.press(&FIELDS).await
}

#[tokio::test]
async fn guest_buys_a_lamp_and_another_browser_sees_the_number_but_not_the_address() {
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
    let mut other = stage.shopper();
    other.open(&there).await;
    assert!(other.page.contains("QD-1001"));
    assert!(!other.page.contains("Quay Street") && !other.page.contains("kim@example.com"));
    shopper.open("/cart").await;
    assert!(shopper.page.contains("Nothing in it yet"));
    let sent = stage.placed().await;
    assert_eq!((sent.lines.len(), sent.lines[0].unit_price), (1, Money::new(129_900, Currency::Eur)));
    assert_eq!((sent.account_id, sent.ship_to.country.as_str()), (None, "DE"));
    assert!(sent.cart.is_some_and(|cart| cart.version > 0 && cart.id.len() == 32));
    assert!(stage.metrics().await.contains("shop_checkouts_total{outcome=\"placed\"} 1"));
}

#[tokio::test]
async fn pressing_the_button_twice_leads_to_the_same_order() {
    let stage = Stage::set().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let first = check_out(&mut shopper).await;
    let second = shopper.press(&FIELDS).await;
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
    assert!(unsure.leads_to("/checkout"));
    assert!(shopper.page.contains("will not be placed or charged twice"));
    let first = stage.keys_sent().await[0].clone();
    let confirmed = order(OrderStatus::Confirmed, None);
    stage.orders_answer(&confirmed).await;
    let placed = shopper.press(&FIELDS).await;
    assert!(placed.leads_to(&format!("/orders/{}", confirmed.id)), "{}", placed.text());
    assert_eq!(stage.keys_sent().await, [first]);
}

#[tokio::test]
async fn declined_card_keeps_the_cart_and_the_form_and_takes_another_key() {
    let stage = Stage::set().await;
    let placed = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    let declined = order(OrderStatus::Declined, None);
    stage.orders_answer(&Order { placed_at: placed(9_000_000_000), ..declined.clone() }).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let refused = check_out(&mut shopper).await;
    assert!(refused.leads_to("/checkout"));
    assert!(shopper.page.contains("Nothing was charged") && shopper.page.contains("declined this card"));
    assert!(shopper.page.contains("value=\"1 Quay Street\""));
    let first = stage.keys_sent().await;
    stage.orders_answer(&Order { placed_at: placed(1), ..declined }).await;
    shopper.press(&FIELDS).await;
    assert_ne!(first, stage.keys_sent().await);
    assert!(
        !shopper.page.contains("othing was charged"),
        "an order from before says nothing of other presses"
    );
    assert!(stage.metrics().await.contains("shop_checkouts_total{outcome=\"declined\"} 2"));
}

#[tokio::test]
async fn sold_out_and_pending_orders_are_told_apart() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    stage.orders_answer(&order(OrderStatus::Rejected, None)).await;
    shopper.take_a_lamp().await;
    assert!(check_out(&mut shopper).await.leads_to("/checkout"));
    assert!(shopper.page.contains("Somebody was faster"));
    let pending = order(OrderStatus::Pending, None);
    stage.orders_answer(&pending).await;
    let there = format!("/orders/{}", pending.id);
    assert!(check_out(&mut shopper).await.leads_to(&there));
    shopper.open(&there).await;
    assert!(shopper.page.contains("Being confirmed"));
}

#[tokio::test]
async fn wrong_fields_are_marked_and_nothing_is_ordered() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    let answer = shopper.press(&[("email", "kim"), ("city", "Kiel"), ("country", "XX")]).await;
    assert!(answer.leads_to("/checkout"));
    assert!(shopper.page.contains("id=\"email-error\"") && shopper.page.contains("id=\"postcode-error\""));
    assert!(shopper.page.contains("value=\"Kiel\"") && !shopper.page.contains("id=\"city-error\""));
    assert!(stage.keys_sent().await.is_empty());
}

#[tokio::test]
async fn price_that_changed_under_the_form_is_shown_before_anything_is_ordered() {
    let stage = Stage::set().await;
    let confirmed = order(OrderStatus::Confirmed, None);
    stage.orders_answer(&confirmed).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    let dearer = shop_contracts::catalog::Product { price: Money::new(159_900, Currency::Eur), ..lamp() };
    stage.sells(&dearer).await;
    let answer = shopper.press(&FIELDS).await;
    assert!(answer.leads_to("/checkout"));
    assert!(shopper.page.contains("Something in your cart has changed"), "{}", shopper.page);
    assert!(
        shopper.page.contains("€1,599.00") && shopper.page.contains("It was €1,299.00"),
        "{}",
        shopper.page
    );
    assert!(stage.keys_sent().await.is_empty());
    shopper.open("/checkout").await;
    assert!(!shopper.page.contains("It was €1,299.00"), "once");
    assert!(shopper.press(&FIELDS).await.leads_to(&format!("/orders/{}", confirmed.id)));
    assert_eq!(stage.placed().await.lines[0].unit_price, dearer.price);
}

#[tokio::test]
async fn a_price_that_changed_is_named_beside_wrong_fields_too() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    let dearer = shop_contracts::catalog::Product { price: Money::new(159_900, Currency::Eur), ..lamp() };
    stage.sells(&dearer).await;
    assert!(shopper.press(&[("email", "kim"), ("country", "DE")]).await.leads_to("/checkout"));
    assert!(shopper.page.contains("id=\"email-error\""), "{}", shopper.page);
    assert!(shopper.page.contains("It was €1,299.00"), "{}", shopper.page);
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
async fn checkout_form_carries_the_token_and_what_was_seen_but_no_key() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    assert!(shopper.page.contains("id=\"checkout-form\"") && shopper.page.contains("id=\"place-order\""));
    let names: Vec<String> =
        hidden_fields(&shopper.page, "/checkout").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["csrf", "seen"]);
}

#[tokio::test]
async fn second_card_under_a_key_that_is_pending_leads_to_the_pending_order() {
    let stage = Stage::set().await;
    let pending = order(OrderStatus::Pending, None);
    stage.orders_answer(&pending).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    let form = (shopper.page.clone(), shopper.cookies.clone());
    let slow = shopper.press(&with_card("tok_slow")).await;
    // The browser went on before that answer came: it knows nothing of it.
    (shopper.page, shopper.cookies) = form;
    stage.orders_refuse("key_reused", &pending).await;
    let second = shopper.press(&with_card("tok_visa")).await;
    assert_eq!(second.headers["location"], slow.headers["location"]);
    let keys = stage.keys_sent().await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("Being confirmed"), "a pending order keeps the cart: {}", shopper.page);
    assert!(shopper.page.contains("</a> · 1 × Lamp"), "{}", shopper.page);
    assert!(shopper.open("/checkout").await.status.is_redirection(), "and the checkout leads to it");
    assert_eq!(keys.len(), 1);
}

#[tokio::test]
async fn order_of_another_tab_is_shown_instead_of_a_second_one() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    let first = order(OrderStatus::Confirmed, None);
    stage.orders_refuse("already_ordered", &first).await;
    let answer = shopper.press(&FIELDS).await;
    assert_eq!(answer.headers["location"].to_str().unwrap(), format!("/orders/{}", first.id));
    shopper.open("/cart").await;
    assert!(shopper.page.contains("Nothing in it yet"));
}

#[tokio::test]
async fn key_of_a_declined_order_that_nobody_saw_is_followed_by_the_next_in_the_same_press() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    let confirmed = order(OrderStatus::Confirmed, None);
    stage.orders_answer(&confirmed).await;
    let lost = order(OrderStatus::Declined, None);
    Mock::given(method("POST"))
        .respond_with(refusal("key_reused", &lost))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&stage.orders)
        .await;
    let answer = shopper.press(&FIELDS).await;
    assert!(answer.leads_to(&format!("/orders/{}", confirmed.id)), "{}", answer.text());
    let keys = stage.keys_sent().await;
    assert!(keys.len() == 2 && keys[0] != keys[1]);
}

#[tokio::test]
async fn pending_order_consumes_the_cart_once_its_page_shows_it_confirmed() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    stage.orders_answer(&order(OrderStatus::Pending, None)).await;
    check_out(&mut shopper).await;
    let sent = stage.placed().await;
    let confirmed = Order { cart: sent.cart, ..order(OrderStatus::Confirmed, None) };
    stage.orders_answer(&confirmed).await;
    shopper.open(&format!("/orders/{}", confirmed.id)).await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("Nothing in it yet"), "{}", shopper.page);
}

#[tokio::test]
async fn what_was_put_in_while_an_order_was_pending_stays_and_what_was_ordered_is_sold_once() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let pending = order(OrderStatus::Pending, None);
    stage.orders_answer(&pending).await;
    check_out(&mut shopper).await;
    let cart = stage.placed().await.cart;
    let pending = Order { cart, ..pending };
    stage.orders_answer(&pending).await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("Nothing else is in your cart"), "{}", shopper.page);
    assert!(!shopper.page.contains("<span class=\"sr\"> piece"), "what is ordered is counted no more");
    shopper.take_a_lamp().await;
    shopper.open("/cart").await;
    let link = format!("href=\"/orders/{}\"", pending.id);
    assert!(shopper.page.contains("Being confirmed") && shopper.page.contains(&link), "{}", shopper.page);
    assert!(shopper.page.contains("1<span class=\"sr\"> piece<"), "the second lamp alone: {}", shopper.page);
    stage.orders_answer(&Order { status: OrderStatus::Confirmed, ..pending }).await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("is confirmed") && !shopper.page.contains("Being confirmed"));
    assert!(shopper.page.contains("1<span class=\"sr\"> piece<"), "{}", shopper.page);
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    check_out(&mut shopper).await;
    assert_eq!(stage.placed().await.lines[0].quantity, 1, "the lamp that was ordered is not sold again");
}

#[tokio::test]
async fn what_was_ordered_comes_back_when_its_order_ends_unsold() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let pending = order(OrderStatus::Pending, None);
    stage.orders_answer(&pending).await;
    check_out(&mut shopper).await;
    let cart = stage.placed().await.cart;
    shopper.take_a_lamp().await;
    stage.orders_answer(&Order { cart, ..order(OrderStatus::Declined, None) }).await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("did not go through"), "{}", shopper.page);
    assert!(shopper.page.contains("2<span class=\"sr\"> pieces<"), "{}", shopper.page);
}

#[tokio::test]
async fn an_order_that_no_page_told_of_is_found_by_its_cart_before_its_pieces_are_ordered_again() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    shopper.open("/checkout").await;
    let before = shopper.cookies.clone();
    shopper.press(&FIELDS).await;
    let cart = stage.placed().await.cart.unwrap();
    // The browser never got that answer, and goes on.
    shopper.cookies = before;
    shopper.take_a_lamp().await;
    let placed = Order { cart: Some(cart.clone()), ..order(OrderStatus::Confirmed, None) };
    stage.orders_answer(&placed).await;
    let found =
        ResponseTemplate::new(200).set_body_json(json!({"orders": [placed], "page": 1, "has_more": false}));
    let of_cart = format!("/v1/carts/{}/orders", cart.id);
    Mock::given(method("GET")).and(path(of_cart)).respond_with(found).mount(&stage.orders).await;
    let answer = check_out(&mut shopper).await;
    assert!(
        answer.leads_to("/checkout") && shopper.page.contains("You have ordered some of this already"),
        "{}",
        shopper.page
    );
    assert!(stage.keys_sent().await.is_empty(), "nothing was ordered yet");
    assert!(shopper.page.contains("1<span class=\"sr\"> piece<"), "{}", shopper.page);
}

#[tokio::test]
async fn a_form_that_was_refused_can_be_loaded_again_and_names_nobody_in_its_address() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.open("/checkout").await;
    let answer =
        shopper.submit("/checkout", &[("email", "kim@x..example"), ("name", "Kim"), ("country", "NO")]).await;
    assert!(answer.leads_to("/checkout"));
    shopper.open("/checkout").await;
    assert!(shopper.page.contains("Almost.") && shopper.page.contains("value=\"kim@x..example\""));
    assert!(shopper.page.contains("Enter an address like kim@example.com."), "{}", shopper.page);
    // Coming back to it later: what was typed, and no reproach.
    shopper.open("/checkout").await;
    assert!(
        shopper.page.contains("value=\"kim@x..example\"") && shopper.page.contains("value=\"NO\" selected")
    );
    assert!(!shopper.page.contains("Almost."), "{}", shopper.page);
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    shopper.press(&FIELDS).await;
    assert!(!shopper.cookies.contains_key("checkout"), "what was typed is forgotten with the order");
}

#[tokio::test]
async fn no_page_says_that_nothing_was_charged_while_an_answer_is_missing() {
    let stage = Stage::set().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(500)).mount(&stage.orders).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    check_out(&mut shopper).await;
    for fields in [&FIELDS[..], &FIELDS[..3]] {
        shopper.press(fields).await;
        assert!(
            !shopper.page.contains("harged.") && !shopper.page.contains("othing was"),
            "{}",
            shopper.page
        );
    }
    shopper.open("/checkout").await;
    assert!(shopper.page.contains("We do not know yet whether your order arrived"));
    let keys = stage.keys_sent().await;
    assert!(keys.len() > 1 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

/// Four answers one after the other would take longer than a page waits for orders.
const ONE_ANSWER: Duration = Duration::from_millis(700);

#[tokio::test]
async fn open_orders_are_asked_about_at_the_same_time() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    let mut placed = Vec::new();
    for n in 1..=4 {
        let pending =
            Order { id: OrderId::new(uuid::Uuid::from_u128(n)), ..order(OrderStatus::Pending, None) };
        stage.orders_answer(&pending).await;
        shopper.take_a_lamp().await;
        check_out(&mut shopper).await;
        let cart = stage.placed().await.cart;
        placed.push(Order { status: OrderStatus::Confirmed, cart, ..pending });
    }
    stage.orders.reset().await;
    for order in &placed {
        let found = ResponseTemplate::new(200).set_body_json(order).set_delay(ONE_ANSWER);
        let one = format!("/v1/orders/{}", order.id);
        Mock::given(method("GET")).and(path(one)).respond_with(found).mount(&stage.orders).await;
    }
    shopper.open("/cart").await;
    assert_eq!(shopper.page.matches("is confirmed. What you ordered").count(), 4, "{}", shopper.page);
}

#[tokio::test]
async fn a_fifth_order_while_four_are_open_waits_and_the_cart_says_why() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    let mut early = String::new();
    for n in 1..=4 {
        let id = OrderId::new(uuid::Uuid::from_u128(n));
        stage.orders_answer(&Order { id, ..order(OrderStatus::Pending, None) }).await;
        shopper.take_a_lamp().await;
        shopper.open("/checkout").await;
        early.clone_from(&shopper.page);
        shopper.take_a_lamp().await;
        assert!(check_out(&mut shopper).await.leads_to(&format!("/orders/{id}")));
        let on_top = [("on top of it", n == 2), ("on top of them", n > 2)];
        for (words, is_said) in on_top {
            assert_eq!(shopper.page.contains(words), is_said, "{words}, {n}: {}", shopper.page);
        }
    }
    shopper.take_a_lamp().await;
    let answer = shopper.open("/checkout").await;
    assert!(answer.leads_to("/cart?full=orders"), "{}", answer.text());
    shopper.page = early;
    let answer = shopper.submit("/checkout", &FIELDS).await;
    assert!(answer.leads_to("/cart?full=orders"), "a form from before: {:?}", answer.headers);
    shopper.open("/cart?full=orders").await;
    assert!(shopper.page.contains("Please wait a little before you order this"), "{}", shopper.page);
    assert!(!shopper.page.contains("href=\"/checkout\""), "{}", shopper.page);
    let mut somebody = stage.shopper();
    somebody.open("/cart?full=orders").await;
    assert!(!somebody.page.contains("Please wait a little"), "{}", somebody.page);
}
