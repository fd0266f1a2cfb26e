//! Lists say what is sold out, and do not wait for it.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use crate::stage::{Stage, lamp};

const MARK: &str = "<span class=\"tile-sold-out\">Sold out</span>";

impl Stage {
    async fn asked_for_stock(&self) -> usize {
        let received = self.inventory.received_requests().await.unwrap();
        received.iter().filter(|request| request.url.path() == "/v1/stock").count()
    }
}

#[tokio::test]
async fn what_is_sold_out_is_marked_in_lists_and_search_with_one_call_a_page() {
    let stage = Stage::set().await;
    stage.has(0).await;
    for page in ["/c/lamps", "/search?q=lamp"] {
        assert!(stage.shopper().open(page).await.text().contains(MARK), "{page}");
    }
    assert_eq!(stage.asked_for_stock().await, 1, "the same products on both pages");
    let there = Stage::set().await;
    assert!(!there.shopper().open("/c/lamps").await.text().contains(MARK));
}

#[tokio::test]
async fn a_list_neither_waits_for_inventory_nor_fails_with_it() {
    let stage = Stage::set().await;
    stage.inventory.reset().await;
    let late = ResponseTemplate::new(200)
        .set_body_json(json!({"levels": [{"product_id": lamp().id, "available": 0}]}))
        .set_delay(Duration::from_secs(2));
    Mock::given(path("/v1/stock")).respond_with(late).mount(&stage.inventory).await;
    let started = Instant::now();
    let listed = stage.shopper().open("/c/lamps").await;
    assert_eq!(listed.status, StatusCode::OK);
    assert!(listed.text().contains("href=\"/p/lamp\"") && !listed.text().contains(MARK));
    assert!(started.elapsed() < Duration::from_millis(1_500), "{:?}", started.elapsed());
    stage.inventory.reset().await;
    let away = ResponseTemplate::new(500);
    Mock::given(path("/v1/stock")).respond_with(away).mount(&stage.inventory).await;
    assert_eq!(stage.shopper().open("/search?q=lamp").await.status, StatusCode::OK);
}
