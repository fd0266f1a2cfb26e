//! Identity takes connections and answers nothing: pages do not wait for it long, and say what they cannot show.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use shop_contracts::orders::OrderStatus;
use wiremock::matchers::any;
use wiremock::{Mock, ResponseTemplate};

use crate::buying::order;
use crate::people::{kim, sealed};
use crate::stage::Stage;

/// What a page may wait for identity, 2 s, and a slow machine's share.
const WITHIN: Duration = Duration::from_secs(4);

#[tokio::test]
async fn pages_of_somebody_logged_in_wait_for_a_silent_identity_for_a_moment_only() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, Some(kim().id))).await;
    let silent = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
    Mock::given(any()).respond_with(silent).with_priority(1).mount(&stage.identity).await;
    for (page, part) in [
        ("/checkout", "Saved addresses cannot be shown just now"),
        ("/account", "Ahoy, Kim<"),
        ("/cart", "<span>Kim</span>"),
    ] {
        // Old enough that each page asks anew.
        shopper.cookies.insert("session".to_owned(), sealed(90));
        let began = Instant::now();
        assert_eq!(shopper.open(page).await.status, StatusCode::OK, "{page}");
        assert!(began.elapsed() < WITHIN, "{page} took {:?}", began.elapsed());
        assert!(shopper.page.contains(part), "{page}: {}", shopper.page);
    }
}

#[tokio::test]
async fn a_guest_and_a_book_without_addresses_are_told_nothing_of_it() {
    let stage = Stage::set().await;
    let mut guest = stage.shopper();
    guest.take_a_lamp().await;
    guest.open("/checkout").await;
    assert!(guest.page.contains("checkout-form") && !guest.page.contains("Saved addresses"));
    stage.identity_knows_kim().await;
    stage.identity_keeps_no_addresses().await;
    guest.cookies.insert("session".to_owned(), sealed(5));
    guest.open("/checkout").await;
    assert!(guest.page.contains("<span>Kim</span>") && !guest.page.contains("Saved addresses"));
}

impl Stage {
    async fn identity_keeps_no_addresses(&self) {
        let none = ResponseTemplate::new(200).set_body_json(shop_contracts::identity::Addresses::default());
        let to = format!("/v1/accounts/{}/addresses", kim().id);
        Mock::given(wiremock::matchers::path(to)).respond_with(none).mount(&self.identity).await;
    }
}
