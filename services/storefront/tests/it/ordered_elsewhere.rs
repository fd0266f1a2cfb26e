//! What another tab or device ordered from the same cart: orders refuses to sell it again, and the page says so.

use serde_json::{Value, json};
use shop_contracts::OrderId;
use shop_contracts::orders::{CartRef, NewOrder, Order, OrderStatus};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::account_cart::logged_in;
use crate::buying::{FIELDS, check_out, order};
use crate::people::kim;
use crate::stage::{Leads as _, Shopper, Stage};

/// An order of one lamp from this version of a cart.
fn of(cart: &str, version: u64, n: u128) -> Order {
    let cart = Some(CartRef { id: cart.to_owned(), version });
    Order { id: OrderId::new(uuid::Uuid::from_u128(n)), cart, ..order(OrderStatus::Confirmed, None) }
}

impl Stage {
    /// Orders refuses the next order because of these, and takes the one after it.
    async fn cart_is_ordered(&self, existing: &[Order]) {
        let problem = json!({"status": 409, "code": "cart_ordered", "existing": existing});
        let refused = ResponseTemplate::new(409).set_body_json(problem);
        let post = Mock::given(method("POST")).and(path("/v1/orders")).respond_with(refused);
        post.up_to_n_times(1).with_priority(1).mount(&self.orders).await;
    }

    async fn orders_sent(&self) -> Vec<NewOrder> {
        let asked = self.orders.received_requests().await.unwrap();
        let posts =
            asked.iter().filter(|one| one.method.as_str() == "POST" && one.url.path() == "/v1/orders");
        posts.map(|one| one.body_json().unwrap()).collect()
    }

    async fn session_ends(&self) {
        let over = ResponseTemplate::new(404).set_body_json(json!({"status": 404, "code": "not_found"}));
        let session = Mock::given(path("/v1/sessions/current")).respond_with(over).with_priority(1);
        session.mount(&self.identity).await;
    }
}

/// The cart of a press that orders refuses without saying for which order.
async fn pressed_in_vain(stage: &Stage, shopper: &mut Shopper<'_>) -> CartRef {
    shopper.open("/checkout").await;
    stage.cart_is_ordered(&[]).await;
    shopper.press(&FIELDS).await;
    stage.orders_sent().await.remove(0).cart.unwrap()
}

async fn take_two_lamps(shopper: &mut Shopper<'_>) {
    shopper.take_a_lamp().await;
    shopper.take_a_lamp().await;
}

#[tokio::test]
async fn what_another_tab_ordered_meanwhile_is_said_and_not_ordered_again() {
    let stage = Stage::set().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    let mut shopper = stage.shopper();
    take_two_lamps(&mut shopper).await;
    // The press of another tab, with one lamp, is written while this one is on its way.
    shopper.open("/checkout").await;
    stage.cart_is_ordered(&[]).await;
    shopper.press(&FIELDS).await;
    assert!(shopper.page.contains("Something changed while you were ordering"), "{}", shopper.page);
    let first = stage.orders_sent().await.remove(0);
    let cart = first.cart.unwrap();
    assert_eq!(first.known.unwrap().carts, [CartRef { id: cart.id.clone(), version: 0 }]);
    let other = of(&cart.id, cart.version - 1, 77);
    stage.cart_is_ordered(std::slice::from_ref(&other)).await;
    let answer = shopper.press(&FIELDS).await;
    assert!(answer.leads_to("/checkout"), "{}", answer.text());
    assert!(shopper.page.contains("You have ordered some of this already"), "{}", shopper.page);
    assert_eq!(stage.orders_sent().await.len(), 2, "nothing is sent again unasked");
    // What is left is ordered when the button is pressed on the page that shows it.
    let placed = shopper.press(&FIELDS).await;
    assert!(!placed.leads_to("/checkout"), "{}", shopper.page);
    let last = stage.orders_sent().await.remove(2);
    assert_eq!((last.lines.len(), last.lines[0].quantity), (1, 1));
    assert_eq!(last.known.unwrap().carts[0].version, cart.version - 1);
}

#[tokio::test]
async fn a_press_for_what_another_tab_ordered_whole_leads_to_that_order() {
    let stage = Stage::set().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let cart = pressed_in_vain(&stage, &mut shopper).await;
    let other = of(&cart.id, cart.version + 1, 78);
    stage.cart_is_ordered(std::slice::from_ref(&other)).await;
    let answer = shopper.press(&FIELDS).await;
    assert!(answer.leads_to(&format!("/orders/{}", other.id)), "{}", answer.text());
}

/// Clocks of storefronts differ by seconds: two devices' changes may have got one version.
#[tokio::test]
async fn another_order_of_the_same_version_leaves_what_it_does_not_hold_in_the_cart() {
    let stage = Stage::set().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    let mut shopper = stage.shopper();
    take_two_lamps(&mut shopper).await;
    let cart = pressed_in_vain(&stage, &mut shopper).await;
    stage.orders_refuse("already_ordered", &of(&cart.id, cart.version, 79)).await;
    let answer = shopper.press(&FIELDS).await;
    assert!(answer.leads_to("/checkout"), "{}", answer.text());
    assert!(shopper.page.contains("You have ordered some of this already"), "{}", shopper.page);
    shopper.open("/cart").await;
    assert!(shopper.page.contains("value=\"1\" selected"), "one lamp is left: {}", shopper.page);
}

#[tokio::test]
async fn a_browser_whose_session_is_over_has_the_account_s_cart_and_orders_it_once() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    phone.take_a_lamp().await;
    let mut laptop = stage.shopper();
    laptop.take_a_lamp().await;
    let before = keeper.kept().id;
    crate::people::log_in(&mut laptop, "/login").await;
    let kept = keeper.kept();
    assert_eq!((kept.id.as_str(), kept.lines[0].quantity), (before.as_str(), 2));
    stage.session_ends().await;
    phone.cookies.remove("session");
    let placed = of(&kept.id, kept.version, 80);
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    phone.open("/checkout").await;
    assert!(phone.page.contains("You were logged out.") && phone.page.contains("Log in to order this cart"));
    assert!(phone.page.contains("href=\"/login?return_to=/checkout\""), "{}", phone.page);
    // The laptop orders both lamps meanwhile: the phone's one is among them.
    stage.cart_is_ordered(std::slice::from_ref(&placed)).await;
    let answer = phone.press(&FIELDS).await;
    assert!(answer.leads_to(&format!("/orders/{}", placed.id)), "{}", answer.text());
    let sent = stage.orders_sent().await.remove(0);
    assert_eq!((sent.account_id, sent.cart.unwrap().id), (None, kept.id));
}

#[tokio::test]
async fn what_a_guest_ordered_after_a_log_in_whose_answer_was_lost_is_not_ordered_with_the_account_again() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    let mut laptop = stage.shopper();
    laptop.take_a_lamp().await;
    let before = laptop.cookies.clone();
    phone.take_a_lamp().await;
    crate::people::log_in(&mut laptop, "/login").await;
    assert_eq!(keeper.pieces(), [2]);
    // Neither session nor cart reached the browser: it orders the guest's cart.
    laptop.cookies = before;
    stage.orders_answer(&order(OrderStatus::Confirmed, None)).await;
    check_out(&mut laptop).await;
    let sent = stage.orders_sent().await.remove(0);
    let guests = sent.cart.unwrap();
    assert_eq!((sent.account_id, sent.lines[0].quantity), (None, 1));
    assert_ne!(guests.id, keeper.kept().id);
    // The account's press tells that it accounts for no order of that cart, so orders refuses it.
    phone.open("/checkout").await;
    stage.cart_is_ordered(&[of(&guests.id, guests.version, 81)]).await;
    let answer = phone.press(&FIELDS).await;
    assert!(answer.leads_to("/checkout"), "{}", answer.text());
    assert!(phone.page.contains("You have ordered some of this already"), "{}", phone.page);
    let known = stage.orders_sent().await.remove(1).known.unwrap();
    assert!(known.carts.contains(&CartRef { id: guests.id, version: 0 }), "{known:?}");
    assert_eq!(keeper.pieces(), [1], "what the guest ordered is in the account's cart no more");
}

#[tokio::test]
async fn two_devices_that_cannot_ask_for_the_account_s_cart_order_by_one_name() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    phone.take_a_lamp().await;
    let mut laptop = stage.shopper();
    laptop.take_a_lamp().await;
    crate::people::log_in(&mut laptop, "/login").await;
    keeper.is_away(true);
    stage.orders_answer(&order(OrderStatus::Confirmed, Some(kim().id))).await;
    for device in [&mut phone, &mut laptop] {
        let answer = check_out(device).await;
        assert!(!answer.leads_to("/checkout"), "{}", device.page);
    }
    let sent: Vec<Value> =
        stage.orders_sent().await.iter().map(|one| json!(one.cart.as_ref().unwrap().id)).collect();
    assert_eq!(sent, [json!(keeper.kept().id), json!(keeper.kept().id)]);
}
