//! Choosing among saved addresses at the checkout.

use shop_contracts::identity::{Addresses, SavedAddress};
use shop_contracts::orders::{Address, OrderStatus};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::buying::order;
use crate::people::{kim, log_in};
use crate::stage::{Leads as _, Stage};

fn saved(label: &str, address1: &str, country: &str) -> SavedAddress {
    let address = Address {
        name: "Kim Harbour".to_owned(),
        address1: address1.to_owned(),
        city: "Kiel".to_owned(),
        postcode: "24103".to_owned(),
        country: country.to_owned(),
    };
    SavedAddress { label: label.to_owned(), address }
}

#[tokio::test]
async fn another_saved_address_fills_the_form_and_the_rest_that_was_typed_stays() {
    let stage = Stage::set().await;
    stage.identity_knows_kim().await;
    let addresses = vec![saved("Home", "1 Quay Street", "DE"), saved("Boat", "Berth 7", "DK")];
    let book = ResponseTemplate::new(200).set_body_json(Addresses { addresses, ..Addresses::default() });
    let to = format!("/v1/accounts/{}/addresses", kim().id);
    Mock::given(method("GET")).and(path(to)).respond_with(book).mount(&stage.identity).await;
    let mut shopper = stage.shopper();
    log_in(&mut shopper, "/login").await;
    shopper.take_a_lamp().await;
    stage.orders_answer(&order(OrderStatus::Confirmed, Some(kim().id))).await;
    shopper.open("/checkout").await;
    assert!(shopper.page.contains("value=\"1 Quay Street\""), "the first fills it in: {}", shopper.page);
    for label in ["Home", "Boat"] {
        assert!(shopper.page.contains(&format!("<strong>{label}</strong>")), "{}", shopper.page);
    }
    let typed = [("email", "kim@sea.example"), ("payment_token", "tok_visa"), ("country", "DE")];
    let chosen = [&typed[..], &[("do", "use-1")]].concat();
    assert!(shopper.press(&chosen).await.leads_to("/checkout"));
    for part in ["value=\"Berth 7\"", "value=\"DK\" selected", "value=\"kim@sea.example\""] {
        assert!(shopper.page.contains(part), "{part}: {}", shopper.page);
    }
    let wrong = [&typed[..], &[("do", "use-9")]].concat();
    assert!(shopper.press(&wrong).await.leads_to("/checkout"), "one that is there no more changes nothing");
    let asked = stage.orders.received_requests().await.unwrap();
    assert!(asked.iter().all(|request| request.url.path() != "/v1/orders"), "nothing was ordered");
}
