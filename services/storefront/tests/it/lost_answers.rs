//! A press of which the first attempt may have had an effect: what a later attempt is told at the door does not undo it.

use serde_json::json;
use shop_contracts::orders::OrderStatus;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::buying::{check_out, order};
use crate::stage::{Leads as _, Stage};

#[tokio::test]
async fn a_refusal_at_the_door_after_an_attempt_that_may_have_acted_is_no_refusal() {
    let stage = Stage::set().await;
    let refused = json!({"status": 429, "code": "rate_limited"});
    let at_the_door = ResponseTemplate::new(429).set_body_json(refused);
    let posted = || Mock::given(method("POST")).and(path("/v1/orders"));
    posted().respond_with(ResponseTemplate::new(503)).up_to_n_times(1).mount(&stage.orders).await;
    posted().respond_with(at_the_door).with_priority(6).mount(&stage.orders).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let unsure = check_out(&mut shopper).await;
    assert!(unsure.leads_to("/checkout"), "{}", unsure.text());
    assert!(shopper.page.contains("We do not know yet whether your order arrived"));
    assert!(!shopper.page.contains("Nothing was charged"));
    // The same key finds it, and the cart is what was bought.
    let first = stage.keys_sent().await[0].clone();
    let confirmed = order(OrderStatus::Confirmed, None);
    stage.orders_answer(&confirmed).await;
    let found = check_out(&mut shopper).await;
    assert!(found.leads_to(&format!("/orders/{}", confirmed.id)), "{}", found.text());
    assert_eq!(stage.keys_sent().await, [first]);
    shopper.open("/cart").await;
    assert!(shopper.page.contains("Nothing in it yet"), "{}", shopper.page);
}

#[tokio::test]
async fn a_refusal_at_the_door_of_the_first_attempt_is_one() {
    let stage = Stage::set().await;
    let refused = json!({"status": 429, "code": "rate_limited"});
    let at_the_door = ResponseTemplate::new(429).set_body_json(refused);
    Mock::given(method("POST")).respond_with(at_the_door).mount(&stage.orders).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    assert!(check_out(&mut shopper).await.leads_to("/checkout"));
    assert!(shopper.page.contains("Very many people are ordering"));
}
