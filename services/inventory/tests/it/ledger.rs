//! Each movement is a row, and the rows add up to the levels.

use std::borrow::Cow;

use serde_json::{Value, json};
use shop_contracts::inventory::StockLedger;
use shop_contracts::{OrderId, ProductId};
use shop_instrumentation::ids;
use shop_inventory::storage::ledger;
use shop_inventory::storage::postgres::MIGRATOR;
use shop_inventory::workers;
use shop_testkit::{TestDb, http};
use sqlx::migrate::Migrator;

use crate::{Fixture, fixture, order};

async fn entries(f: &Fixture, product: ProductId) -> Vec<(i64, String, Option<OrderId>)> {
    let page: StockLedger = http::get(&f.router, &format!("/v1/staff/stock/{product}/ledger")).await.json();
    page.entries.into_iter().map(|entry| (entry.delta, entry.reason, entry.order_id)).collect()
}

async fn sold(f: &Fixture, product: ProductId, pieces: u32) -> (OrderId, Value) {
    let order = order();
    let sale: Value = f.reserve(order, &[(product, pieces)]).await.json();
    assert_eq!(f.act(&sale, "confirm").await.status.as_u16(), 200);
    (order, sale)
}

async fn give_back(f: &Fixture, sale: &Value, key: &str, product: ProductId, pieces: u32) -> http::Answer {
    let path = format!("/v1/reservations/{}/returns", sale["id"].as_str().unwrap());
    let lines = [json!({"product_id": product, "quantity": pieces})];
    http::post(&f.router, &path, key, &json!({"lines": lines, "reason": "returned"})).await
}

#[tokio::test]
async fn every_movement_is_a_row_with_its_reason_and_order() {
    let f = fixture().await;
    let product = f.product(9).await;
    let (first, second) = (order(), order());
    let held: Value = f.reserve(first, &[(product, 2)]).await.json();
    f.act(&held, "release").await;
    f.reserve(second, &[(product, 3)]).await;
    f.clock.advance_seconds(61);
    workers::once(&f.inventory).await.unwrap();
    let (third, sale) = sold(&f, product, 4).await;
    assert_eq!(give_back(&f, &sale, "k", product, 1).await.status.as_u16(), 200);
    let expected = [
        (1, "returned", Some(third)),
        (-4, "reserved", Some(third)),
        (3, "expired", Some(second)),
        (-3, "reserved", Some(second)),
        (2, "released", Some(first)),
        (-2, "reserved", Some(first)),
        (9, "opening", None),
    ];
    let expected: Vec<_> = expected.map(|(delta, reason, order)| (delta, reason.to_owned(), order)).into();
    assert_eq!(entries(&f, product).await, expected);
    f.assert_balanced().await;
}

#[tokio::test]
async fn never_more_goes_back_than_was_sold_and_one_key_gives_back_once() {
    let f = fixture().await;
    let (product, other) = (f.product(5).await, f.product(5).await);
    let (_, sale) = sold(&f, product, 4).await;
    let repeats = (0..8).map(|_| give_back(&f, &sale, "first", product, 3));
    for answer in futures::future::join_all(repeats).await {
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    }
    assert_eq!(f.available(product).await, 4);
    assert_eq!(give_back(&f, &sale, "first", product, 1).await.code(), "key_reused");
    assert_eq!(
        give_back(&f, &sale, "second", product, 2).await.code(),
        "conflict",
        "only one is left to return"
    );
    assert_eq!(give_back(&f, &sale, "third", other, 1).await.code(), "conflict", "was never in it");
    let held: Value = f.reserve(order(), &[(product, 1)]).await.json();
    assert_eq!(give_back(&f, &held, "k", product, 1).await.code(), "conflict", "not sold yet");
    let unknown = json!({"id": ids::new_id()});
    assert_eq!(give_back(&f, &unknown, "k", product, 1).await.code(), "not_found");
    f.assert_balanced().await;
}

#[tokio::test]
async fn the_check_finds_a_level_that_is_not_the_sum() {
    let f = fixture().await;
    let product = f.product(5).await;
    // A change that claims to be booked and is not.
    sqlx::query("UPDATE stock SET available = 6, movements = movements + 1 WHERE product_id = $1")
        .bind(product.uuid())
        .execute(&f.db.pool)
        .await
        .unwrap();
    workers::keep_ledger(&f.inventory).await.unwrap();
    assert_eq!(f.inventory.metrics.unbalanced.get(), 1.0);
    assert_eq!(ledger::unbalanced(&f.db.pool).await.unwrap(), [product]);
}

#[tokio::test]
async fn old_movements_fold_into_one_opening_and_young_ones_stay() {
    let f = fixture().await;
    let product = f.product(50).await;
    for _ in 0..5 {
        sold(&f, product, 2).await;
    }
    f.clock.advance(chrono::Duration::days(10));
    let (order, _) = sold(&f, product, 3).await;
    let before = f.inventory.clock.now() - f.inventory.keep_movements;
    // The opening is dated by the database.
    sqlx::query("UPDATE stock_movements SET at = $1 WHERE reason = 'opening'")
        .bind(before - chrono::Duration::days(20))
        .execute(&f.db.pool)
        .await
        .unwrap();
    assert_eq!(ledger::compact(&f.db.pool, before).await.unwrap(), 5);
    assert_eq!(ledger::compact(&f.db.pool, before).await.unwrap(), 0, "nothing left to fold");
    let expected = [(-3, "reserved".to_owned(), Some(order)), (40, "opening".to_owned(), None)];
    assert_eq!(entries(&f, product).await, expected);
    f.assert_balanced().await;
}

#[tokio::test]
async fn ledger_opens_from_present_levels_and_books_what_an_earlier_version_does() {
    let db = TestDb::empty().await;
    let earlier: Vec<_> = MIGRATOR.iter().filter(|migration| migration.version < 3).cloned().collect();
    Migrator { migrations: Cow::Owned(earlier), ..Migrator::DEFAULT }.run(&db.pool).await.unwrap();
    let product = ids::new_id();
    let run = async |sql: &'static str| sqlx::query(sql).bind(product).execute(&db.pool).await.unwrap();
    run("INSERT INTO stock (product_id, available, target) VALUES ($1, 7, 9)").await;
    MIGRATOR.run(&db.pool).await.unwrap();
    assert_eq!(ledger::unbalanced(&db.pool).await.unwrap(), []);
    run("UPDATE stock SET available = available - 2 WHERE product_id = $1").await;
    assert_eq!(ledger::unbalanced(&db.pool).await.unwrap(), []);
    let booked = ledger::list(&db.pool, ProductId::new(product), 10, 0).await.unwrap();
    assert_eq!(booked.iter().map(|entry| entry.delta).collect::<Vec<_>>(), [-2, 7]);
}
