//! Inventory on a real Postgres.

mod access;
mod fuzz;
mod ledger;
mod openapi;
mod rush;
mod sql;
mod staff;
mod upkeep;

use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use shop_contracts::{OrderId, ProductId};
use shop_instrumentation::config::Env;
use shop_instrumentation::{Boot, ids};
use shop_inventory::reserve::Inventory;
use shop_inventory::storage::postgres::{MIGRATOR, PgInventory};
use shop_inventory::storage::{ledger as storage_ledger, seeding};
use shop_inventory::telemetry::{FAULTS, InventoryMetrics};
use shop_inventory::workers;
use shop_testkit::{MockClock, TestDb, http};

struct Fixture {
    router: Router,
    inventory: Inventory,
    clock: MockClock,
    db: TestDb,
}

async fn fixture() -> Fixture {
    let db = TestDb::create(&MIGRATOR).await;
    let boot =
        Boot::for_tests("inventory", Env::from_pairs::<String, String>([])).expect("metrics are declared");
    boot.faults.declare(FAULTS);
    let clock = MockClock::new();
    let inventory = Inventory {
        storage: PgInventory::new(db.pool.clone()),
        metrics: InventoryMetrics::new(&boot.metrics).expect("metrics are declared"),
        faults: boot.faults.clone(),
        clock: clock.shared(),
        hold_for: Duration::from_mins(1),
        restock_after: Duration::from_secs(30),
        keep_movements: Duration::from_hours(24),
    };
    Fixture { router: shop_inventory::http::router(inventory.clone()), inventory, clock, db }
}

impl Fixture {
    async fn product(&self, available: i32) -> ProductId {
        let id = ids::new_id();
        sqlx::query("INSERT INTO stock (product_id, available, target) VALUES ($1, $2, 1)")
            .bind(id)
            .bind(available)
            .execute(&self.db.pool)
            .await
            .unwrap();
        ProductId::new(id)
    }

    async fn available(&self, product: ProductId) -> i32 {
        sqlx::query_scalar("SELECT available FROM stock WHERE product_id = $1")
            .bind(product.uuid())
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    async fn reserve(&self, order: OrderId, lines: &[(ProductId, u32)]) -> http::Answer {
        let lines: Vec<Value> = lines.iter().map(|(p, q)| json!({"product_id": p, "quantity": q})).collect();
        let body = json!({"order_id": order, "lines": lines});
        http::post(&self.router, "/v1/reservations", &order.to_string(), &body).await
    }

    /// No test may leave the ledger and the levels apart.
    async fn assert_balanced(&self) {
        assert_eq!(storage_ledger::unbalanced(&self.db.pool).await.unwrap(), []);
    }

    async fn act(&self, reservation: &Value, verb: &str) -> http::Answer {
        let id = reservation["id"].as_str().unwrap();
        http::post(&self.router, &format!("/v1/reservations/{id}/{verb}"), "k", &json!({})).await
    }
}

fn order() -> OrderId {
    OrderId::new(ids::new_id())
}

#[tokio::test]
async fn fifty_shoppers_share_the_last_ten_pieces_and_exactly_ten_get_one() {
    let f = fixture().await;
    let product = f.product(10).await;
    let calls = (0..50).map(|_| async { f.reserve(order(), &[(product, 1)]).await });
    let answers = futures::future::join_all(calls).await;
    let got = answers.iter().filter(|a| a.status.as_u16() == 201).count();
    let refused = answers.iter().filter(|a| a.status.as_u16() == 409).count();
    assert_eq!((got, refused, f.available(product).await), (10, 40, 0));
    f.assert_balanced().await;
}

#[tokio::test]
async fn crossing_orders_neither_deadlock_nor_take_half() {
    let f = fixture().await;
    let (a, b) = (f.product(20).await, f.product(20).await);
    let crossing = (0..40).map(|i| {
        let lines = if i % 2 == 0 { [(a, 1), (b, 1)] } else { [(b, 1), (a, 1)] };
        let f = &f;
        async move { f.reserve(order(), &lines).await }
    });
    let answers = futures::future::join_all(crossing).await;
    let got = answers.iter().filter(|x| x.status.as_u16() == 201).count();
    assert_eq!((got, f.available(a).await, f.available(b).await), (20, 0, 0));
}

#[tokio::test]
async fn one_short_line_takes_nothing_at_all() {
    let f = fixture().await;
    let (plenty, scarce) = (f.product(5).await, f.product(1).await);
    let answer = f.reserve(order(), &[(plenty, 1), (scarce, 2)]).await;
    assert_eq!((answer.status.as_u16(), f.available(plenty).await, f.available(scarce).await), (409, 5, 1));
    assert!(answer.text().contains(&scarce.to_string()), "the answer names the product");
}

#[tokio::test]
async fn the_same_order_again_is_the_same_reservation() {
    let f = fixture().await;
    let product = f.product(5).await;
    let order = order();
    let calls = (0..8).map(|_| async { f.reserve(order, &[(product, 2)]).await });
    let answers = futures::future::join_all(calls).await;
    let ids: std::collections::BTreeSet<String> =
        answers.iter().map(|a| a.json::<Value>()["id"].to_string()).collect();
    assert_eq!((ids.len(), f.available(product).await), (1, 3));
}

#[tokio::test]
async fn expired_reservation_returns_stock_once() {
    let f = fixture().await;
    let product = f.product(5).await;
    let held: Value = f.reserve(order(), &[(product, 5)]).await.json();
    f.clock.advance_seconds(59);
    f.inventory.storage.expire(f.inventory.clock.now(), 10).await.unwrap();
    assert_eq!(f.available(product).await, 0, "not yet");
    f.clock.advance_seconds(2);
    let (one, two) = tokio::join!(workers::once(&f.inventory), workers::once(&f.inventory));
    one.unwrap();
    two.unwrap();
    assert_eq!(f.available(product).await, 5);
    assert_eq!(f.act(&held, "confirm").await.status.as_u16(), 409, "too late");
    assert_eq!(f.act(&held, "release").await.status.as_u16(), 200, "nothing left to give back");
    assert_eq!(f.available(product).await, 5);
}

#[tokio::test]
async fn confirm_and_release_repeat_harmlessly_and_exclude_each_other() {
    let f = fixture().await;
    let product = f.product(9).await;
    let sold: Value = f.reserve(order(), &[(product, 3)]).await.json();
    let returned: Value = f.reserve(order(), &[(product, 3)]).await.json();
    for _ in 0..2 {
        assert_eq!(f.act(&sold, "confirm").await.json::<Value>()["state"], "confirmed");
        assert_eq!(f.act(&returned, "release").await.json::<Value>()["state"], "released");
    }
    assert_eq!(f.act(&sold, "release").await.status.as_u16(), 409);
    assert_eq!(f.act(&returned, "confirm").await.status.as_u16(), 409);
    assert_eq!(f.available(product).await, 6);
}

#[tokio::test]
async fn seeding_twice_keeps_what_was_sold() {
    let f = fixture().await;
    let added = seeding::seed(&f.db.pool).await.unwrap();
    assert!(added >= 240, "the range has {added} products");
    let product = shop_contracts::seed::products()[0].id;
    let before = f.available(product).await;
    assert_eq!(f.reserve(order(), &[(product, 1)]).await.status.as_u16(), 201);
    assert_eq!(seeding::seed(&f.db.pool).await.unwrap(), 0);
    assert_eq!(f.available(product).await, before - 1);
}

#[tokio::test]
async fn two_lines_of_one_product_are_added_up() {
    let f = fixture().await;
    let product = f.product(7).await;
    assert_eq!(f.reserve(order(), &[(product, 3), (product, 4)]).await.status.as_u16(), 201);
    assert_eq!(f.available(product).await, 0);
    let with_nothing = f.reserve(order(), &[(product, 0), (product, 1)]).await;
    assert_eq!(with_nothing.code(), "invalid", "a line of nothing is no line");
}

#[tokio::test]
async fn wrong_input_names_the_limit() {
    let f = fixture().await;
    let product = f.product(500).await;
    assert!(f.reserve(order(), &[]).await.text().contains("1 to 50 lines"));
    let split = f.reserve(order(), &[(product, 60), (product, 60)]).await;
    assert!(split.text().contains("1 to 99"), "two lines of one product count together: {}", split.text());
    assert_eq!(http::get(&f.router, "/v1/stock?ids=nonsense").await.code(), "invalid");
}
