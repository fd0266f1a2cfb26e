//! What the background work must not do: deadlock with shoppers, or hide that something is sold out.

use std::time::Duration;

use serde_json::Value;
use shop_inventory::workers;
use shop_testkit::eventually;

use crate::{fixture, order};

#[tokio::test]
async fn expiry_takes_its_locks_in_the_order_of_products_and_never_deadlocks() {
    let f = fixture().await;
    let mut products = [f.product(5).await, f.product(5).await];
    products.sort();
    let [low, high] = products;
    // The reservation that expires first holds the product that sorts last.
    let first: Value = f.reserve(order(), &[(high, 1)]).await.json();
    f.clock.advance_seconds(1);
    f.reserve(order(), &[(low, 1)]).await;
    assert_eq!(first["state"], "held");
    f.clock.advance_seconds(120);

    let mut shopper = f.db.pool.begin().await.unwrap();
    // As an earlier version wrote it, which books no movement: the table does.
    let take = "UPDATE stock SET available = available - 1 WHERE product_id = $1";
    sqlx::query(take).bind(low.uuid()).execute(&mut *shopper).await.unwrap();
    let (storage, now) = (f.inventory.storage.clone(), f.inventory.clock.now());
    let expiry = tokio::spawn(async move { storage.expire(now, 10).await });
    eventually("expiry waits for the shopper", || async {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&f.db.pool)
        .await
        .unwrap();
        waiting > 0
    })
    .await;
    sqlx::query(take).bind(high.uuid()).execute(&mut *shopper).await.expect("no deadlock for the shopper");
    shopper.commit().await.unwrap();
    assert_eq!(expiry.await.unwrap().expect("no deadlock for expiry"), 2);
    assert_eq!((f.available(low).await, f.available(high).await), (4, 4));
    f.assert_balanced().await;
}

#[tokio::test]
async fn sold_out_is_seen_until_the_supplier_delivers() {
    let f = fixture().await;
    let product = f.product(1).await;
    let sold: Value = f.reserve(order(), &[(product, 1)]).await.json();
    assert_eq!(f.act(&sold, "confirm").await.status.as_u16(), 200);
    workers::once(&f.inventory).await.unwrap();
    assert_eq!(f.inventory.metrics.out_of_stock.get(), 1.0, "or the alert could never fire");
    f.clock.advance(chrono::Duration::from_std(f.inventory.restock_after).unwrap());
    f.clock.advance_seconds(1);
    workers::once(&f.inventory).await.unwrap();
    assert_eq!((f.available(product).await, f.inventory.metrics.out_of_stock.get()), (1, 0.0));
}

#[tokio::test]
async fn stock_that_came_back_by_itself_is_not_delivered_early_the_next_time() {
    let f = fixture().await;
    let product = f.product(1).await;
    let held: Value = f.reserve(order(), &[(product, 1)]).await.json();
    workers::once(&f.inventory).await.unwrap();
    f.act(&held, "release").await;
    workers::once(&f.inventory).await.unwrap();
    f.clock.advance(chrono::Duration::from_std(f.inventory.restock_after + Duration::from_secs(1)).unwrap());
    f.reserve(order(), &[(product, 1)]).await;
    workers::once(&f.inventory).await.unwrap();
    assert_eq!(f.available(product).await, 0, "the wait starts anew");
}

#[tokio::test]
async fn held_pieces_are_not_delivered_a_second_time() {
    let f = fixture().await;
    let product = f.product(10).await;
    let target = "UPDATE stock SET target = 10 WHERE product_id = $1";
    sqlx::query(target).bind(product.uuid()).execute(&f.db.pool).await.unwrap();
    let held: Value = f.reserve(order(), &[(product, 6)]).await.json();
    let sold: Value = f.reserve(order(), &[(product, 3)]).await.json();
    f.act(&sold, "confirm").await;
    workers::once(&f.inventory).await.unwrap();
    f.clock.advance_seconds(31);
    workers::once(&f.inventory).await.unwrap();
    assert_eq!(f.available(product).await, 4, "6 of 10 are held, so 3 are delivered to the 1 that is left");
    f.act(&held, "release").await;
    assert_eq!(f.available(product).await, 10, "never more than the target");
    f.assert_balanced().await;
}
