use axum::http::StatusCode;
use shop_contracts::orders::OrderStatus;
use wiremock::{Mock, ResponseTemplate, matchers::any};

use crate::buying::{check_out, order};
use crate::stage::Stage;

#[tokio::test]
async fn shop_sells_from_cart_to_order_while_identity_is_away() {
    let stage = Stage::set().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&stage.identity).await;
    let order = order(OrderStatus::Confirmed, None);
    stage.orders_answer(&order).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    for page in ["/", "/p/lamp", "/cart", "/checkout", "/login"] {
        assert_eq!(shopper.open(page).await.status, StatusCode::OK, "{page}");
    }
    assert_eq!(shopper.open("/account").await.headers["location"], "/login");
    let placed = check_out(&mut shopper).await;
    assert_eq!(placed.headers["location"].to_str().unwrap(), format!("/orders/{}", order.id));
}

#[tokio::test]
async fn missing_catalogue_is_an_honest_page_and_the_front_still_opens() {
    let stage = Stage::set().await;
    stage.catalog.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&stage.catalog).await;
    let mut shopper = stage.shopper();
    assert_eq!(shopper.open("/").await.status, StatusCode::OK);
    assert!(shopper.page.contains("out of reach just now"));
    let gone = shopper.open("/p/lamp").await;
    assert_eq!(gone.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(gone.headers.contains_key("retry-after") && shopper.page.contains("Heavy weather"));
    assert_eq!(shopper.open("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn missing_inventory_is_said_and_does_not_stop_the_sale() {
    let stage = Stage::set().await;
    stage.inventory.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&stage.inventory).await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    assert!(shopper.page.contains("Stock is not known just now"));
    shopper.open("/cart").await;
    assert!(shopper.page.contains("cannot see our stock") && shopper.page.contains("href=\"/checkout\""));
}

#[tokio::test]
async fn nonsense_from_a_peer_is_our_fault_and_shows_no_innards() {
    let stage = Stage::set().await;
    stage.catalog.reset().await;
    let nonsense = ResponseTemplate::new(200).set_body_string("<!doctype html>");
    Mock::given(any()).respond_with(nonsense).mount(&stage.catalog).await;
    let mut shopper = stage.shopper();
    assert_eq!(shopper.open("/p/lamp").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(shopper.page.contains("That was our fault") && !shopper.page.contains("expected"));
}
