//! Search and departments: filters, order, corrections, suggestions.

use axum::http::StatusCode;
use serde_json::{Value, json};
use shop_contracts::catalog::{MakerCount, ProductPage, ProductSummary, Products, Suggestions};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, Request, ResponseTemplate};

use crate::stage::{Stage, lamp};

fn summary() -> ProductSummary {
    let lamp = lamp();
    ProductSummary {
        id: lamp.id,
        slug: lamp.slug,
        name: lamp.name,
        maker: lamp.maker,
        category: lamp.category,
        price: lamp.price,
        picture_version: lamp.picture_version,
        choices: None,
    }
}

fn found(total: u64) -> ProductPage {
    let maker = |maker: &str, count| MakerCount { maker: maker.to_owned(), count };
    ProductPage {
        items: (total > 0).then(summary).into_iter().collect(),
        page: 1,
        per_page: 24,
        total,
        corrected: None,
        makers: vec![maker("Maren & Sons", 40), maker("Brandt", 20)],
    }
}

impl Stage {
    /// The catalogue finds this for these words from now on.
    async fn finds(&self, words: &str, page: &ProductPage) {
        let answer = ResponseTemplate::new(200).set_body_json(page);
        let asked = Mock::given(method("GET")).and(path("/v1/products")).and(query_param("q", words));
        asked.respond_with(answer).with_priority(1).mount(&self.catalog).await;
    }

    async fn suggests(&self, words: &str, products: Vec<ProductSummary>) {
        let answer = ResponseTemplate::new(200).set_body_json(Suggestions { products });
        let asked = Mock::given(path("/v1/suggestions")).and(query_param("q", words));
        asked.respond_with(answer).with_priority(1).mount(&self.catalog).await;
    }

    /// Queries of lists that the catalogue was asked for.
    async fn lists_asked(&self) -> Vec<Vec<(String, String)>> {
        let asked = self.catalog.received_requests().await.unwrap();
        let query = |request: &Request| request.url.query_pairs().into_owned().collect();
        asked.iter().filter(|request| request.url.path() == "/v1/products").map(query).collect()
    }
}

#[tokio::test]
async fn words_filters_order_and_page_reach_the_catalogue() {
    let stage = Stage::set().await;
    stage
        .shopper()
        .open("/search?q=lamp&maker=Maren+%26+Sons&from=10&to=99,50&sort=name&page=2&exact=1")
        .await;
    let asked = stage.lists_asked().await.pop().unwrap();
    for (name, value) in [
        ("q", "lamp"),
        ("maker", "Maren & Sons"),
        ("min_price", "1000"),
        ("max_price", "9950"),
        ("sort", "name"),
        ("page", "2"),
        ("exact", "true"),
    ] {
        assert!(asked.contains(&(name.to_owned(), value.to_owned())), "{name}={value} in {asked:?}");
    }
    stage.shopper().open("/c/lamps?maker=Brandt&q=words&exact=1").await;
    let asked = stage.lists_asked().await.pop().unwrap();
    assert!(asked.contains(&("maker".to_owned(), "Brandt".to_owned())), "{asked:?}");
    assert!(!asked.iter().any(|(name, _)| name == "q" || name == "exact"), "departments are not searched");
}

#[tokio::test]
async fn controls_show_what_is_on_and_every_link_keeps_the_rest() {
    let stage = Stage::set().await;
    stage.finds("lamp", &found(60)).await;
    let mut shopper = stage.shopper();
    let answer = shopper.open("/search?q=lamp&maker=Brandt&from=10&sort=price_asc").await;
    assert_eq!(answer.status, StatusCode::OK);
    let shared = answer.headers["cache-control"].to_str().unwrap();
    assert!(shared.contains("s-maxage"), "filtered pages may be kept too: {shared}");
    for part in [
        "<option value=\"Brandt\" selected>Brandt (20)</option>",
        "Maren &amp; Sons (40)",
        "value=\"10\"",
        "of 60 things",
        // A filter is taken away and the others stay.
        "href=\"/search?q=lamp&amp;from=10&amp;sort=price_asc\" aria-label=\"Remove filter: Brandt\"",
        "href=\"/search?q=lamp&amp;maker=Brandt&amp;sort=price_asc\" aria-label=\"Remove filter: From €10\"",
        "href=\"/search?q=lamp&amp;sort=price_asc\">Clear all filters",
        "href=\"/search?q=lamp&amp;maker=Brandt&amp;from=10&amp;sort=price_asc&amp;page=2\"",
        "<input type=\"hidden\" name=\"q\" value=\"lamp\">",
    ] {
        assert!(shopper.page.contains(part), "{part} is not on {}", shopper.page);
    }
}

#[tokio::test]
async fn filters_that_cannot_be_read_are_told_beside_their_field_and_not_applied() {
    let stage = Stage::set().await;
    for address in ["/search?q=lamp&from=cheap&to=9", "/c/lamps?from=cheap&to=9"] {
        let mut shopper = stage.shopper();
        let answer = shopper.open(address).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{address}");
        assert_eq!(answer.headers["cache-control"], "private, no-cache", "{address}");
        assert!(
            shopper.page.contains("id=\"from-error\">Enter a price in euros, 0 to 1,000,000"),
            "{address}"
        );
        assert!(shopper.page.contains("value=\"cheap\"") && shopper.page.contains("aria-invalid=\"true\""));
        let asked = stage.lists_asked().await.pop().unwrap();
        assert!(asked.contains(&("max_price".to_owned(), "900".to_owned())), "{asked:?}");
        assert!(!asked.iter().any(|(name, _)| name == "min_price"), "{asked:?}");
    }
}

#[tokio::test]
async fn corrected_words_are_told_and_the_shopper_can_insist() {
    let stage = Stage::set().await;
    stage.finds("lantren", &ProductPage { corrected: Some("lantern".to_owned()), ..found(5) }).await;
    let mut shopper = stage.shopper();
    shopper.open("/search?q=lantren&page=1").await;
    assert!(shopper.page.contains("Showing results for “<strong>lantern</strong>”"), "{}", shopper.page);
    assert!(
        shopper.page.contains("Search instead for <a href=\"/search?q=lantren&amp;exact=1\">“lantren”</a>")
    );
}

#[tokio::test]
async fn empty_result_suggests_products_and_departments() {
    let stage = Stage::set().await;
    stage.finds("brass lantren", &found(0)).await;
    stage.suggests("brass lantren", vec![]).await;
    stage.suggests("lantren", vec![summary()]).await;
    let mut shopper = stage.shopper();
    let answer = shopper.open("/search?q=brass+lantren&exact=1").await;
    assert_eq!(answer.status, StatusCode::OK);
    for part in ["Nothing found", "Perhaps one of these", "href=\"/p/lamp\"", "href=\"/c/lamps\"", "noindex"]
    {
        assert!(shopper.page.contains(part), "{part} is not on {}", shopper.page);
    }
    assert!(!shopper.page.contains("id=\"sort\""), "there is nothing to sort");
}

#[tokio::test]
async fn filters_that_leave_nothing_can_be_taken_away_and_are_no_missing_page() {
    let stage = Stage::set().await;
    let none = ResponseTemplate::new(200).set_body_json(found(0));
    Mock::given(path("/v1/products")).respond_with(none).with_priority(1).mount(&stage.catalog).await;
    let mut shopper = stage.shopper();
    for (address, way_back) in [
        ("/c/lamps?maker=Nobody", "href=\"/c/lamps\">Show all of Lamps"),
        ("/search?q=lamp&to=1", "href=\"/search?q=lamp\">Search without filters"),
    ] {
        assert_eq!(shopper.open(address).await.status, StatusCode::OK, "{address}");
        assert!(shopper.page.contains(way_back), "{}", shopper.page);
        assert!(shopper.page.contains("aria-label=\"Remove filter: "), "{address}");
    }
    assert!(
        stage.catalog.received_requests().await.unwrap().iter().all(|r| r.url.path() != "/v1/suggestions")
    );
}

#[tokio::test]
async fn suggestions_are_plain_data_that_may_be_kept() {
    let stage = Stage::set().await;
    stage.suggests("lam", vec![summary()]).await;
    let mut shopper = stage.shopper();
    let answer = shopper.open("/search/suggestions?q=+lam+").await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=60, s-maxage=60, no-cache=\"set-cookie\"");
    let expected = json!({"suggestions": [
        {"name": "Lamp <of> brass", "maker": "Maren & Sons", "price": "€1,299.00", "url": "/p/lamp"},
    ]});
    assert_eq!(answer.json::<Value>(), expected);
    for few in ["", "?q=", "?q=l"] {
        let answer = shopper.open(&format!("/search/suggestions{few}")).await;
        assert_eq!(answer.json::<Value>(), json!({"suggestions": []}), "{few}");
    }
    let long = format!("/search/suggestions?q={}", "a".repeat(201));
    assert_eq!(shopper.open(&long).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn product_shows_others_like_it_and_does_without_when_there_are_none() {
    let stage = Stage::set().await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    assert!(!shopper.page.contains("More like this"));

    let stage = Stage::set().await;
    let mut other = lamp();
    other.slug = "gimbal-lamp".to_owned();
    let related = ResponseTemplate::new(200).set_body_json(Products { products: vec![other; 6] });
    let asked = Mock::given(path("/v1/products/lamp/related")).respond_with(related).with_priority(1);
    asked.mount(&stage.catalog).await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    assert!(shopper.page.contains("More like this"));
    assert_eq!(shopper.page.matches("href=\"/p/gimbal-lamp\"").count(), 4, "a row");
}
