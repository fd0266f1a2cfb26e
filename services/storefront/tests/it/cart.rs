use axum::http::StatusCode;
use shop_contracts::{Currency, Money};

use crate::stage::{Stage, hidden_fields, lamp};

#[tokio::test]
async fn lamp_goes_into_the_cart_is_counted_changed_and_removed() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    shopper.take_a_lamp().await;
    shopper.open("/cart").await;
    assert!(shopper.page.contains("id=\"cart-lines\"") && shopper.page.contains("€2,598.00"));
    assert!(shopper.page.contains("2<span class=\"sr\"> pieces</span>"));
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
async fn forms_that_act_for_a_visitor_need_that_visitors_token() {
    let stage = Stage::set().await;
    let (mut shopper, mut other) = (stage.shopper(), stage.shopper());
    other.take_a_lamp().await;
    other.open("/cart").await;
    let stolen = hidden_fields(&other.page, "/cart/remove");
    assert!(stolen.iter().any(|(name, token)| name == "csrf" && token.len() == 64));
    assert_eq!(shopper.post("/cart/remove", &stolen).await.status, StatusCode::FORBIDDEN);
    shopper.take_a_lamp().await;
    assert_eq!(shopper.post("/cart/remove", &stolen).await.status, StatusCode::FORBIDDEN);
    let without: Vec<_> = stolen.into_iter().filter(|(name, _)| name != "csrf").collect();
    assert_eq!(shopper.post("/cart/remove", &without).await.status, StatusCode::FORBIDDEN);
    shopper.open("/cart").await;
    assert!(shopper.page.contains("1<span class=\"sr\"> piece<"));
    assert_eq!(shopper.submit("/cart/remove", &[]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn forms_of_another_site_are_refused_whatever_they_carry() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    shopper.site = "cross-site";
    assert_eq!(shopper.submit("/cart/add", &[]).await.status, StatusCode::FORBIDDEN);
    assert!(!shopper.cookies.contains_key("cart"));
    shopper.site = "same-origin";
    shopper.take_a_lamp().await;
    shopper.open("/cart").await;
    for site in ["cross-site", "same-site"] {
        shopper.site = site;
        let answer = shopper.post("/cart/remove", &hidden_fields(&shopper.page, "/cart/remove")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site}");
    }
}

#[tokio::test]
async fn page_that_was_loaded_before_there_was_a_cart_still_adds_to_it() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    let before = shopper.page.clone();
    shopper.take_a_lamp().await;
    shopper.page = before;
    assert_eq!(shopper.submit("/cart/add", &[("quantity", "2")]).await.status, StatusCode::SEE_OTHER);
    shopper.open("/cart").await;
    assert!(shopper.page.contains("3<span class=\"sr\"> pieces<"), "{}", shopper.page);
}

#[tokio::test]
async fn cookie_that_we_did_not_seal_is_as_good_as_none() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.take_a_lamp().await;
    let mut cart = shopper.cookies["cart"].clone();
    let last = if cart.pop() == Some('A') { 'Q' } else { 'A' };
    cart.push(last);
    for forged in [cart, "0123456789abcdef0123456789abcdef".to_owned(), "x".repeat(4_000)] {
        shopper.cookies.insert("cart".to_owned(), forged);
        assert_eq!(shopper.open("/cart").await.status, StatusCode::OK);
        assert!(shopper.page.contains("Nothing in it yet"));
    }
}

#[tokio::test]
async fn absurd_quantities_and_products_do_no_harm() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    for quantity in ["-7", "99999999999", "99", "99", "99"] {
        let answer = shopper.submit("/cart/add", &[("quantity", quantity)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }
    shopper.open("/cart").await;
    assert!(shopper.page.contains("99<span class=\"sr\"> pieces<"), "{}", shopper.page);
    let nonsense = [("product_id".to_owned(), "x".to_owned())];
    assert_eq!(shopper.post("/cart/add", &nonsense).await.status, StatusCode::NOT_FOUND);
}
