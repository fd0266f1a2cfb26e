//! A clerk looks at stock and corrects it.

use serde_json::json;
use shop_contracts::ProductId;
use shop_contracts::inventory::{StockItem, StockLedger, StockPage};
use shop_instrumentation::ids;
use shop_testkit::http;

use crate::{Fixture, fixture, order};

async fn adjust(f: &Fixture, product: ProductId, key: &str, delta: i64, reason: &str) -> http::Answer {
    let path = format!("/v1/staff/stock/{product}/adjustments");
    let body = json!({"actor": "mara", "delta": delta, "reason": reason, "note": "shelf 4"});
    http::post(&f.router, &path, key, &body).await
}

#[tokio::test]
async fn an_adjustment_moves_stock_once_and_stands_in_the_ledger() {
    let f = fixture().await;
    let product = f.product(5).await;
    let repeats = (0..8).map(|_| adjust(&f, product, "k", -2, "damage"));
    for answer in futures::future::join_all(repeats).await {
        assert_eq!((answer.status.as_u16(), answer.json::<StockItem>().available), (201, 3));
    }
    assert_eq!(adjust(&f, product, "k", -1, "damage").await.code(), "key_reused");
    let page: StockLedger = http::get(&f.router, &format!("/v1/staff/stock/{product}/ledger")).await.json();
    let newest = &page.entries[0];
    assert_eq!((newest.delta, newest.reason.as_str(), newest.actor.as_str()), (-2, "damage", "mara"));
    assert_eq!((page.entries.len(), page.has_more), (2, false));
    f.assert_balanced().await;
}

#[tokio::test]
async fn stock_is_never_corrected_below_zero() {
    let f = fixture().await;
    let product = f.product(2).await;
    let refused = adjust(&f, product, "k", -3, "count").await;
    assert_eq!(refused.code(), "conflict");
    assert!(refused.text().contains("2 are available"), "{}", refused.text());
    assert_eq!(f.available(product).await, 2);
    assert_eq!(adjust(&f, product, "k", -2, "count").await.status.as_u16(), 201, "a refusal keeps no key");
    assert_eq!(adjust(&f, ProductId::new(ids::new_id()), "k", 1, "count").await.code(), "not_found");
    f.assert_balanced().await;
}

#[tokio::test]
async fn wrong_adjustments_are_refused_by_field() {
    let f = fixture().await;
    let product = f.product(2).await;
    for (delta, reason, field) in [
        (0, "count", "delta"),
        (100_001, "count", "delta"),
        (1, "gift", "reason"),
        (1, "damage", "delta"),
        (1, "theft", "delta"),
        (-1, "delivery", "delta"),
    ] {
        let refused = adjust(&f, product, "k", delta, reason).await;
        assert_eq!(refused.code(), "invalid");
        assert!(refused.text().contains(field), "{}", refused.text());
    }
}

#[tokio::test]
async fn the_list_shows_the_scarcest_first_with_what_is_held() {
    let f = fixture().await;
    let (plenty, scarce) = (f.product(60).await, f.product(4).await);
    f.reserve(order(), &[(scarce, 3)]).await;
    let all: StockPage = http::get(&f.router, "/v1/staff/stock").await.json();
    let seen: Vec<_> = all.items.iter().map(|item| (item.product_id, item.available, item.held)).collect();
    assert_eq!(seen, [(scarce, 1, 3), (plenty, 60, 0)]);
    let q = &scarce.to_string()[..23];
    let one: StockPage = http::get(&f.router, &format!("/v1/staff/stock?q={q}")).await.json();
    assert!(one.items.iter().any(|item| item.product_id == scarce));
    let both: StockPage = http::get(&f.router, &format!("/v1/staff/stock?q={scarce},{plenty}")).await.json();
    assert_eq!(both.items.len(), 2);
    assert_eq!(http::get(&f.router, "/v1/staff/stock?q=lantern").await.code(), "invalid");
    assert_eq!(http::get(&f.router, "/v1/staff/stock?page=0").await.code(), "invalid");
}

#[tokio::test]
async fn the_scarcest_has_the_smallest_part_of_what_the_supplier_fills_up_to() {
    let f = fixture().await;
    let (full, half) = (f.product(139).await, f.product(470).await);
    for (product, target) in [(full, 139), (half, 940)] {
        let query = sqlx::query("UPDATE stock SET target = $2 WHERE product_id = $1");
        query.bind(product.uuid()).bind(target).execute(&f.db.pool).await.unwrap();
    }
    let all: StockPage = http::get(&f.router, "/v1/staff/stock").await.json();
    let seen: Vec<_> = all.items.iter().map(|item| (item.product_id, item.available)).collect();
    assert_eq!(seen, [(half, 470), (full, 139)]);
}
