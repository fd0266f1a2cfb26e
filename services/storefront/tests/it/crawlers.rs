//! What search engines are told.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::Value;
use shop_contracts::catalog::{Product, Sitemap};
use shop_testkit::http::call;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use crate::stage::{Stage, lamp};

fn canonical(page: &str) -> Option<String> {
    let from = page.split("<link rel=\"canonical\" href=\"").nth(1)?;
    from.split('"').next().map(|address| address.replace("&amp;", "&"))
}

/// What a page says in schema.org's words, read as a browser reads it: to the first end of the element.
fn data(page: &str) -> Vec<Value> {
    let elements = page.split("<script type=\"application/ld+json\">").skip(1);
    elements.map(|rest| serde_json::from_str(rest.split("</script").next().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn robots_keep_out_of_what_is_each_visitor_s_own() {
    let stage = Stage::set().await;
    let answer = stage.shopper().open("/robots.txt").await;
    let text = answer.text();
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    for path in ["/cart", "/checkout", "/account", "/staff", "/orders", "/forgot-password", "/reset-password"]
    {
        assert!(text.contains(&format!("\nDisallow: {path}\n")), "{path} in {text}");
    }
    assert!(text.contains("\nSitemap: http://shop.example/sitemap.xml\n") && !text.contains("Disallow: /\n"));
}

#[tokio::test]
async fn sitemap_names_every_page_and_is_asked_for_once() {
    let stage = Stage::set().await;
    let sitemap = Sitemap { products: vec!["lamp".to_owned()], categories: vec!["lamps".to_owned()] };
    let answer = ResponseTemplate::new(200).set_body_json(sitemap);
    Mock::given(path("/v1/sitemap")).respond_with(answer).with_priority(1).mount(&stage.catalog).await;
    for _ in 0..3 {
        let answer = stage.shopper().open("/sitemap.xml").await;
        assert_eq!(answer.headers["content-type"], "application/xml; charset=utf-8");
        for address in ["/", "/c/lamps", "/p/lamp"] {
            assert!(answer.text().contains(&format!("<loc>http://shop.example{address}</loc>")), "{address}");
        }
    }
    let asked = stage.catalog.received_requests().await.unwrap();
    assert_eq!(asked.iter().filter(|request| request.url.path() == "/v1/sitemap").count(), 1);
    for missing in
        ["/sitemaps/1.xml", "/sitemaps/0.xml", "/sitemaps/99.xml", "/sitemaps/x", "/sitemaps/%ff.xml"]
    {
        assert_eq!(stage.shopper().open(missing).await.status, StatusCode::NOT_FOUND, "{missing}");
    }
}

#[tokio::test]
async fn canonical_addresses_drop_filters_and_order_keep_the_page_and_believe_no_host() {
    let stage = Stage::set().await;
    for (asked, expected) in [
        ("/", "/"),
        ("/?utm_source=x", "/"),
        ("/p/lamp?ref=x", "/p/lamp"),
        ("/c/lamps?maker=Brandt&from=1&sort=name", "/c/lamps"),
        ("/c/lamps?sort=name&page=2", "/c/lamps?page=2"),
        ("/search?q=brass+lamp&sort=name&to=9&page=2", "/search?q=brass%20lamp&page=2"),
    ] {
        let forged = [("host", "evil.example"), ("x-forwarded-host", "evil.example")];
        let page = call(&stage.router, Method::GET, asked, &forged, Body::empty()).await.text();
        assert_eq!(canonical(&page), Some(format!("http://shop.example{expected}")), "{asked}");
        assert!(!page.contains("evil.example"), "{asked}");
        assert!(page.contains("<meta name=\"description\" content=\""), "{asked}");
        assert!(page.contains("<meta property=\"og:title\""), "{asked}");
    }
    let mut shopper = stage.shopper();
    shopper.open("/login").await;
    assert_eq!(canonical(&shopper.page), None, "what is nobody else's has no address for all");
}

#[tokio::test]
async fn product_its_offer_and_the_way_to_it_are_said_as_data_and_nothing_breaks_out() {
    let stage = Stage::set().await;
    let evil = "</script><script>alert(1)</script><!--";
    stage.sells(&Product { name: evil.to_owned(), ..lamp() }).await;
    let mut shopper = stage.shopper();
    shopper.open("/p/lamp").await;
    let said = data(&shopper.page);
    let of = |kind: &str| said.iter().find(|data| data["@type"] == kind).unwrap();
    let product = of("Product");
    assert_eq!(product["name"], evil);
    assert_eq!(product["offers"]["price"], "1299.00");
    assert_eq!(product["offers"]["availability"], "https://schema.org/InStock");
    assert_eq!(product["image"], "http://shop.example/pictures/lamp.svg?v=v1");
    let way: Vec<&Value> =
        of("BreadcrumbList")["itemListElement"].as_array().unwrap().iter().map(|i| &i["item"]).collect();
    assert_eq!(way, ["http://shop.example/", "http://shop.example/c/lamps", "http://shop.example/p/lamp"]);
    assert_eq!(shopper.page.matches("<script>").count(), 0);
    assert!(shopper.page.contains("<meta property=\"og:type\" content=\"product\">"));
    shopper.open("/").await;
    let site = data(&shopper.page).remove(0);
    assert_eq!(
        site["potentialAction"]["target"]["urlTemplate"],
        "http://shop.example/search?q={search_term_string}"
    );
}
