use std::io::Read as _;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use shop_testkit::http::{Answer, call};

use crate::stage::{Shopper, Stage};

const CATALOGUE: [&str; 4] = ["/", "/c/lamps", "/search?q=lamp", "/p/lamp"];

async fn asked(stage: &Stage, path: &str, headers: &[(&str, &str)]) -> Answer {
    call(&stage.router, Method::GET, path, headers, Body::empty()).await
}

async fn with_cart(shopper: &mut Shopper<'_>) -> String {
    shopper.take_a_lamp().await;
    format!("cart={}", shopper.cookies["cart"])
}

#[tokio::test]
async fn readers_get_pages_that_the_edge_may_keep_and_known_visitors_get_their_own() {
    let stage = Stage::set().await;
    let cookie = with_cart(&mut stage.shopper()).await;
    for path in CATALOGUE {
        let reader = asked(&stage, path, &[]).await;
        let caching = reader.headers["cache-control"].to_str().unwrap();
        assert!(caching.starts_with("public, max-age=0, s-maxage="), "{path}: {caching}");
        assert!(caching.contains("stale-while-revalidate="), "{path}: {caching}");
        assert!(
            caching.ends_with(", no-cache=\"set-cookie\""),
            "{path}: a cookie of the way is kept: {caching}"
        );
        let names: Vec<&str> = reader.headers.keys().map(axum::http::HeaderName::as_str).collect();
        let at = |wanted: &str| names.iter().position(|name| *name == wanted).unwrap();
        assert!(at("x-accel-expires") < at("cache-control"), "{path}: nginx keeps nothing: {names:?}");
        assert!(!reader.headers.contains_key("set-cookie"), "{path}");
        let known = asked(&stage, path, &[("cookie", &cookie)]).await;
        assert_eq!(known.headers["cache-control"], "private, no-cache", "{path}");
        assert!(!known.headers.contains_key("x-accel-expires"), "{path}: nginx keeps a shopper's own page");
        assert!(
            known.text().contains("1<span class=\"sr\"> piece<")
                && !reader.text().contains("1<span class=\"sr\"> piece<"),
            "{path}"
        );
        for answer in [&reader, &known] {
            let varies = answer.headers["vary"].to_str().unwrap();
            assert!(varies.contains("accept-encoding") && varies.contains("cookie"), "{path}: {varies}");
        }
        assert!(!known.headers.contains_key("etag"), "{path}");
    }
    for path in ["/cart", "/login", "/register", "/orders/lookup", "/nowhere"] {
        let caching = asked(&stage, path, &[]).await.headers["cache-control"].clone();
        assert!(!caching.to_str().unwrap().contains("public"), "{path}: {caching:?}");
    }
}

#[tokio::test]
async fn page_that_has_not_changed_is_not_sent_again() {
    let stage = Stage::set().await;
    let first = asked(&stage, "/p/lamp", &[]).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("\"other\", W/{tag}")] {
        let again = asked(&stage, "/p/lamp", &[("if-none-match", &known)]).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
    }
    let cookie = with_cart(&mut stage.shopper()).await;
    let known = asked(&stage, "/p/lamp", &[("if-none-match", &tag), ("cookie", &cookie)]).await;
    assert_eq!(known.status, StatusCode::OK, "a reader's copy is no cart holder's page");
}

#[tokio::test]
async fn pages_are_compressed_for_readers_and_for_known_visitors() {
    let stage = Stage::set().await;
    let cookie = with_cart(&mut stage.shopper()).await;
    for path in ["/p/lamp", "/cart"] {
        for headers in [vec![], vec![("cookie", cookie.as_str())]] {
            let plain = asked(&stage, path, &headers).await;
            assert!(!plain.headers.contains_key("content-encoding"), "{path}");
            let with = |encoding| [headers.clone(), vec![("accept-encoding", encoding)]].concat();
            let br = asked(&stage, path, &with("gzip, br")).await;
            let gz = asked(&stage, path, &with("gzip")).await;
            assert_eq!(br.headers["content-encoding"], "br");
            assert_eq!(gz.headers["content-encoding"], "gzip");
            assert!(br.body.len() * 2 < plain.body.len() && gz.body.len() * 2 < plain.body.len());
            let mut text = String::new();
            brotli::Decompressor::new(&br.body[..], 4096).read_to_string(&mut text).unwrap();
            assert!(text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>"), "{path}");
            let mut text = String::new();
            flate2::read::GzDecoder::new(&gz.body[..]).read_to_string(&mut text).unwrap();
            assert!(text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>"), "{path}");
        }
    }
}

#[tokio::test]
async fn file_of_another_build_is_not_remembered_as_missing() {
    let stage = Stage::set().await;
    let missing = asked(&stage, "/assets/0000000000000000.css", &[]).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.headers["cache-control"], "no-store");
}
