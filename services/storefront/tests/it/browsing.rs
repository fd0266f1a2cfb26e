use axum::body::Body;
use axum::http::{Method, StatusCode};
use shop_testkit::http::call;

use crate::stage::Stage;

#[tokio::test]
async fn every_page_that_shows_goods_escapes_and_prices_them() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    for page in ["/", "/c/lamps", "/search?q=lamp", "/p/lamp"] {
        let answer = shopper.open(page).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}");
        assert!(!shopper.page.contains("<of>"), "{page} does not escape");
        assert!(answer.headers.contains_key("content-security-policy"), "{page}");
        assert!(!shopper.page.contains("<script>") && !shopper.page.contains("style=\""), "{page}");
    }
    assert!(shopper.page.contains("Lamp &lt;of&gt; brass") && shopper.page.contains("€1,299.00"));
    assert!(shopper.page.contains("Only 9 left") && shopper.page.contains("id=\"add-to-cart\""));
    assert!(shopper.page.contains("name=\"q\"") && shopper.page.contains("28 cm"));
}

#[tokio::test]
async fn search_words_come_back_escaped_and_empty_searches_ask() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.open("/search?q=%3Cscript%3E%22x").await;
    assert!(!shopper.page.contains("<script>\"x") && shopper.page.contains("&lt;script&gt;"));
    assert_eq!(shopper.open("/search?q=").await.status, StatusCode::OK);
    assert!(shopper.page.contains("What are you looking for"));
}

#[tokio::test]
async fn list_pages_link_to_each_other_and_keep_the_order() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.open("/c/lamps?sort=price_asc&page=nonsense").await;
    assert!(shopper.page.contains("/c/lamps?sort=price_asc&amp;page=2"), "{}", shopper.page);
}

#[tokio::test]
async fn unknown_addresses_get_a_friendly_page() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    for page in ["/nowhere", "/p/hovercraft", "/orders/nonsense"] {
        assert_eq!(shopper.open(page).await.status, StatusCode::NOT_FOUND, "{page}");
        assert!(shopper.page.contains("Nothing on this bearing"), "{page}");
    }
}

/// A day of rest may be tomorrow.
#[tokio::test]
async fn what_is_in_stock_is_promised_for_a_working_day() {
    let stage = Stage::set().await;
    stage.has(40).await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    assert!(shopper.page.contains("In stock, leaves on the next working day"), "{}", shopper.page);
    assert!(!shopper.page.contains("tomorrow"), "{}", shopper.page);
}

#[tokio::test]
async fn assets_are_fingerprinted_compressed_and_kept() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.open("/").await;
    let start = shopper.page.find("/assets/").unwrap();
    let url = shopper.page[start..].split('"').next().unwrap().to_owned();
    let accepts = [("accept-encoding", "gzip, br")];
    let asset = call(&stage.router, Method::GET, &url, &accepts, Body::empty()).await;
    assert!(asset.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(asset.headers["content-encoding"], "br");
    let tag = [("if-none-match", asset.headers["etag"].to_str().unwrap())];
    let again = call(&stage.router, Method::GET, &url, &tag, Body::empty()).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(shopper.open("/assets/0000000000000000.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn picture_is_handed_through_and_asked_for_once() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    for _ in 0..3 {
        let picture = shopper.open("/pictures/lamp.svg?v=v1").await;
        assert_eq!(picture.headers["content-type"], "image/svg+xml");
        assert!(picture.headers["cache-control"].to_str().unwrap().contains("immutable"));
    }
    let asked = stage.catalog.received_requests().await.unwrap();
    assert_eq!(asked.iter().filter(|request| request.url.path().ends_with("picture.svg")).count(), 1);
    let now = shopper.open("/pictures/lamp.svg").await;
    assert_eq!(now.headers["cache-control"], "public, max-age=60", "no version, no pinning");
    let gone = shopper.open("/pictures/none.svg?v=v1").await;
    assert_eq!(
        (gone.status, &gone.headers["cache-control"]),
        (StatusCode::NOT_FOUND, &"no-store".parse().unwrap())
    );
}

#[tokio::test]
async fn busy_product_page_asks_its_peers_once_and_is_the_same_for_all_who_have_no_cart() {
    let stage = Stage::set().await;
    let (mut one, mut two, mut buyer) = (stage.shopper(), stage.shopper(), stage.shopper());
    one.open("/p/lamp").await;
    two.open("/p/lamp").await;
    assert_eq!(one.page, two.page);
    assert!(one.cookies.is_empty() && two.cookies.is_empty(), "readers get no cookie");
    buyer.take_a_lamp().await;
    buyer.open("/p/lamp").await;
    assert_ne!(one.page, buyer.page);
    let asked = stage.catalog.received_requests().await.unwrap();
    assert_eq!(asked.iter().filter(|request| request.url.path() == "/v1/products/lamp").count(), 1);
}
