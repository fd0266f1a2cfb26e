//! Sessions that are gone, by a log-out or with their cookie: nothing that was typed is lost, and nothing of the account's
//! stays in the browser.

use serde_json::json;
use shop_contracts::orders::OrderStatus;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use crate::account_cart::logged_in;
use crate::buying::{check_out, order};
use crate::people::{kim, log_in};
use crate::stage::{Leads as _, Stage};

#[tokio::test]
async fn a_log_out_keeps_what_others_changed_in_the_same_moment_and_what_was_changed_here() {
    let (stage, keeper) = Stage::with_account().await;
    let (mut phone, mut laptop) = (logged_in(&stage).await, logged_in(&stage).await);
    phone.take_a_lamp().await;
    keeper.is_away(true);
    phone.take_a_lamp().await;
    phone.take_a_lamp().await;
    keeper.is_away(false);
    let before = keeper.kept();
    laptop.take_a_lamp().await;
    assert_eq!(keeper.pieces(), [2]);
    phone.open("/account").await;
    keeper.next_find(1, &before);
    phone.submit("/logout", &[]).await;
    assert_eq!(keeper.pieces(), [3], "the larger number");
    assert!(!phone.cookies.contains_key("cart"));
}

#[tokio::test]
async fn a_log_out_forgets_the_cart_although_others_change_the_account_s_before_each_try() {
    let (stage, keeper) = Stage::with_account().await;
    let mut shopper = logged_in(&stage).await;
    shopper.take_a_lamp().await;
    keeper.is_away(true);
    shopper.take_a_lamp().await;
    keeper.is_away(false);
    shopper.open("/account").await;
    keeper.is_overtaken(true);
    shopper.submit("/logout", &[]).await;
    assert!(!shopper.cookies.contains_key("cart"), "whoever uses the browser next would see it");
}

#[tokio::test]
async fn a_log_out_of_a_session_that_is_over_forgets_the_account_s_cart_too() {
    for is_cookie_gone in [true, false] {
        let (stage, keeper) = Stage::with_account().await;
        let mut shopper = logged_in(&stage).await;
        shopper.take_a_lamp().await;
        shopper.open("/account").await;
        if is_cookie_gone {
            shopper.cookies.remove("session");
        } else {
            stage.sessions_are_over().await;
            // Another tab has heard of it.
            shopper.clone().open("/account").await;
        }
        let answer = shopper.submit("/logout", &[]).await;
        assert!(answer.leads_to("/"), "{}", answer.text());
        assert!(!shopper.cookies.contains_key("cart") && !shopper.cookies.contains_key("session"));
        assert_eq!(keeper.pieces(), [1], "the account has it");
    }
}

impl Stage {
    /// Sessions were ended elsewhere, a while ago.
    async fn sessions_are_over(&self) {
        let over = ResponseTemplate::new(404).set_body_json(json!({"status": 404, "code": "not_found"}));
        let session = Mock::given(path("/v1/sessions/current")).respond_with(over).with_priority(1);
        session.mount(&self.identity).await;
    }
}

#[tokio::test]
async fn a_session_whose_cookie_is_gone_orders_nothing_and_keeps_what_was_typed() {
    let (stage, _) = Stage::with_account().await;
    let mut shopper = logged_in(&stage).await;
    shopper.take_a_lamp().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, Some(kim().id))).await;
    shopper.open("/checkout").await;
    shopper.cookies.remove("session");
    let fields = [("name", "Kim Harbour"), ("address1", "9 Mole Road"), ("country", "DE")];
    let answer = shopper.press(&fields).await;
    assert!(answer.leads_to("/checkout"), "{} {}", answer.status, answer.text());
    assert!(shopper.page.contains("not logged in any more, so nothing was ordered"), "{}", shopper.page);
    assert!(shopper.page.contains("href=\"/login?return_to=/checkout\""));
    assert!(shopper.page.contains("value=\"9 Mole Road\""));
    let asked = stage.orders.received_requests().await.unwrap();
    assert!(asked.iter().all(|request| request.url.path() != "/v1/orders"));
    let as_guest = shopper.clone();
    log_in(&mut shopper, "/login?return_to=/checkout").await;
    shopper.open("/checkout").await;
    assert!(shopper.page.contains("value=\"9 Mole Road\""), "{}", shopper.page);
    // Who wants to may go on as a guest.
    let mut shopper = as_guest;
    let placed = check_out(&mut shopper).await;
    assert!(!placed.leads_to("/checkout"), "{}", shopper.page);
    assert_eq!(stage.placed().await.account_id, None);
}

#[tokio::test]
async fn forms_of_the_cart_work_on_when_the_session_s_cookie_is_gone() {
    let (stage, keeper) = Stage::with_account().await;
    let mut shopper = logged_in(&stage).await;
    shopper.take_a_lamp().await;
    shopper.open("/cart").await;
    shopper.cookies.remove("session");
    let answer = shopper.submit("/cart/update", &[("quantity", "3")]).await;
    assert!(answer.leads_to("/cart"), "{} {}", answer.status, answer.text());
    log_in(&mut shopper, "/login").await;
    assert_eq!(keeper.pieces(), [3]);
    shopper.open("/cart").await;
    shopper.cookies.remove("session");
    assert!(shopper.submit("/cart/remove", &[]).await.leads_to("/cart"));
    shopper.open("/cart").await;
    assert!(shopper.page.contains("Nothing in it yet"), "{}", shopper.page);
}

/// Also where identity did not answer about carts, and the browser's is not known to be an account's.
#[tokio::test]
async fn that_the_session_is_gone_is_said_on_every_page_of_the_form_until_it_is_sent() {
    for is_away in [false, true] {
        let (stage, keeper) = Stage::with_account().await;
        keeper.is_away(is_away);
        let mut shopper = logged_in(&stage).await;
        shopper.take_a_lamp().await;
        shopper.open("/checkout").await;
        shopper.cookies.remove("session");
        shopper.press(&[("address1", "9 Mole Road"), ("country", "DE")]).await;
        assert!(shopper.page.contains("so nothing was ordered"), "{}", shopper.page);
        for _ in 0..2 {
            shopper.open("/checkout").await;
            assert!(shopper.page.contains("value=\"9 Mole Road\""), "{}", shopper.page);
            assert!(shopper.page.contains("id=\"logged-out\""), "away {is_away}: {}", shopper.page);
        }
        log_in(&mut shopper, "/login?return_to=/checkout").await;
        shopper.open("/checkout").await;
        assert!(!shopper.page.contains("id=\"logged-out\""), "{}", shopper.page);
    }
}
