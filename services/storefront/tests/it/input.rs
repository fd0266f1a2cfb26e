use axum::body::Body;
use axum::http::{Method, StatusCode};
use shop_testkit::http::call;

use crate::stage::Stage;

impl Stage {
    async fn calls_to_peers(&self) -> usize {
        let mut calls = 0;
        for peer in [&self.catalog, &self.inventory, &self.orders, &self.identity] {
            let asked = peer.received_requests().await.unwrap();
            calls += asked.iter().filter(|request| request.url.path() != "/v1/categories").count();
        }
        calls
    }
}

#[tokio::test]
async fn paths_that_name_nothing_are_not_found_and_no_peer_is_asked() {
    let stage = Stage::set().await;
    let long = format!("/p/{}", "a".repeat(5_000));
    for path in [
        "/p/%00",
        "/p/a%00b",
        "/p/%ff%fe",
        "/p/%2e%2e%2fsecret",
        "/p/Lamp",
        "/c/%00",
        "/c/a%20b",
        "/pictures/%00.svg",
        "/pictures/lamp.png",
        "/pictures/lamp.svg?v=%2e%2e%2f",
        "/orders/%00",
        "/assets/%00",
        &long,
    ] {
        let answer = stage.shopper().open(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(stage.calls_to_peers().await, 0);
}

#[tokio::test]
async fn queries_that_are_no_text_are_refused_and_no_peer_is_asked() {
    let stage = Stage::set().await;
    let long = format!("/search?q={}", "a".repeat(201));
    let huge = format!("/?{}", "a".repeat(3_000));
    for path in ["/search?q=%00", "/search?q=%ff", "/c/lamps?page=%00", "/cart?added=%00", &long, &huge] {
        let answer = stage.shopper().open(path).await;
        // The front of the shop reads no query.
        let expected = if path == huge { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        assert_eq!(answer.status, expected, "{path}");
    }
    let asked = stage.catalog.received_requests().await.unwrap();
    assert!(asked.iter().all(|request| !request.url.as_str().contains("q=")));
}

#[tokio::test]
async fn forms_that_are_no_text_are_refused_and_no_peer_is_asked() {
    let stage = Stage::set().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let ours = ("sec-fetch-site", "same-origin");
    for (headers, body) in [
        (vec![form, ours], Body::from("email=a%00&password=b")),
        (vec![form, ours], Body::from("email=%ff")),
        (vec![form, ours], Body::from(vec![0xff; 100])),
        (vec![form, ours], Body::from("a".repeat(70_000))),
        (vec![("content-type", "application/json"), ours], Body::from("{}")),
        (vec![("content-type", "multipart/form-data; boundary=x"), ours], Body::from("--x--")),
    ] {
        let answer = call(&stage.router, Method::POST, "/login", &headers, body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text());
    }
    assert_eq!(stage.calls_to_peers().await, 0);
}

#[tokio::test]
async fn only_what_is_away_is_unavailable() {
    for (status, code, shown) in [
        (422, "invalid", 422),
        (409, "conflict", 409),
        (429, "rate_limited", 429),
        (401, "unauthenticated", 500),
        (403, "forbidden", 500),
        (500, "internal", 500),
        (503, "unavailable", 503),
        (504, "timeout", 503),
    ] {
        let stage = Stage::set().await;
        stage.catalog.reset().await;
        let problem = serde_json::json!({"status": status, "code": code});
        let answer = wiremock::ResponseTemplate::new(status).set_body_json(problem);
        wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&stage.catalog).await;
        assert_eq!(stage.shopper().open("/p/lamp").await.status.as_u16(), shown, "{code}");
    }
}
