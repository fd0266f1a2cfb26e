use axum::http::StatusCode;
use shop_contracts::{Currency, Money};

use crate::stage::{Stage, lamp};

#[tokio::test]
async fn lamp_goes_into_the_cart_is_counted_changed_and_removed() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.take_a_lamp().await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("id=\"cart-lines\"") && shopper.page.contains("€2,598.00"));
    assert!(shopper.page.contains("aria-label=\"Cart, 2 pieces\""));
    let changed = shopper.submit("/cart/update", &[("quantity", "3")]).await;
    assert_eq!(changed.headers["location"], "/cart");
    shopper.open("/cart").await;
    assert!(shopper.page.contains("€3,897.00"));
    shopper.submit("/cart/remove", &[]).await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("Nothing in it yet"));
}

#[tokio::test]
async fn changed_price_is_said_once_and_short_stock_stops_the_checkout() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    stage
        .sells(&shop_contracts::catalog::Product { price: Money::new(99_900, Currency::Eur), ..lamp() })
        .await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("It was €1,299.00") && shopper.page.contains("€999.00"));
    shopper.open("/cart").await;
    assert!(!shopper.page.contains("It was €1,299.00"));
    stage.has(0).await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("has sold out") && !shopper.page.contains("href=\"/checkout\""));
    assert_eq!(shopper.open("/checkout").await.headers["location"], "/cart");
}

#[tokio::test]
async fn sold_out_product_offers_no_form() {
    let stage = Stage::set().await;
    stage.has(0).await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    assert!(shopper.page.contains("Sold out") && !shopper.page.contains("id=\"add-to-cart\""));
}

#[tokio::test]
async fn forms_without_the_visitors_own_token_are_refused() {
    let stage = Stage::set().await;
    let (mut shopper, mut other) = (stage.shopper(), stage.shopper());
    other.open("/p/lamp").await;
    let stolen = other.cookies["csrf"].clone();
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let id = lamp().id.to_string();
    let without_cookie = shopper.post("/cart/add", &[field("csrf", &stolen), field("product_id", &id)]).await;
    assert_eq!(without_cookie.status, StatusCode::FORBIDDEN);
    shopper.open("/p/lamp").await;
    let with_another = shopper.post("/cart/add", &[field("csrf", &stolen), field("product_id", &id)]).await;
    assert_eq!(with_another.status, StatusCode::FORBIDDEN);
    let with_none = shopper.post("/cart/add", &[field("product_id", &id)]).await;
    assert_eq!(with_none.status, StatusCode::FORBIDDEN);
    assert!(!shopper.cookies.contains_key("cart"));
}

#[tokio::test]
async fn absurd_quantities_and_products_do_no_harm() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    assert_eq!(shopper.submit("/cart/add", &[("quantity", "-7")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        shopper.submit("/cart/add", &[("quantity", "99999999999")]).await.status,
        StatusCode::SEE_OTHER
    );
    for _ in 0..3 {
        shopper.submit("/cart/add", &[("quantity", "99")]).await;
    }
    shopper.open("/cart").await;
    assert!(shopper.page.contains("aria-label=\"Cart, 99 pieces\""), "{}", shopper.page);
    let csrf = shopper.cookies["csrf"].clone();
    let nonsense = [("csrf".to_owned(), csrf), ("product_id".to_owned(), "x".to_owned())];
    assert_eq!(shopper.post("/cart/add", &nonsense).await.status, StatusCode::NOT_FOUND);
}
