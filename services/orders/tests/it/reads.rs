//! How many rows a question about one person reads when there is much of everybody else.

use shop_contracts::orders::OrderStatus;
use shop_orders::storage::postgres::PgOrders;
use shop_orders::storage::search::Search;
use shop_orders::vouchers::Person;
use sqlx::postgres::{PgPool, PgPoolOptions};
use uuid::Uuid;

use crate::fixture::{Fixture, KEY, digests, fixture};

/// A voucher, and 5,000 orders of as many guests that use it.
const CROWD: &str = "
    INSERT INTO vouchers (id, code, benefit, minimum_minor, currency, starts_at, ends_at, max_uses, uses, note,
                          created_by, created_at)
    VALUES ('00000000-0000-0000-0000-000000000007', 'SPRING-26', '{\"kind\": \"percent\", \"percent\": 10}', 0, 'EUR',
            now(), now() + interval '1 day', 10000, 5000, '', 'robin', now());
    INSERT INTO orders (id, number, idempotency_key, request_hash, email, ship_to, payment_token, total_minor, currency,
                        status, step, lease_until, placed_at, updated_at, voucher_code)
    SELECT gen_random_uuid(), 'QD-' || n, 'k' || n, '', 'kim' || n || '@example.com',
           '{\"name\": \"\", \"address1\": \"\", \"city\": \"\", \"postcode\": \"\", \"country\": \"DE\"}', '', 1, 'EUR', 'confirmed',
           'done', now(), now(), now(), 'SPRING-26' FROM generate_series(1, 5000) AS n;
    INSERT INTO voucher_redemptions (order_id, voucher_id, address_digest)
    SELECT id, '00000000-0000-0000-0000-000000000007', sha256(email::bytea) FROM orders;
    ANALYZE";

/// Rows of tables and entries of indexes that were read so far. The pool has one connection, and a session's counts are
/// seen when it hands them in.
async fn rows_read(pool: &PgPool) -> i64 {
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(pool).await.unwrap();
    let sum = "SELECT sum(pg_stat_get_tuples_returned(oid) + pg_stat_get_tuples_fetched(oid))::bigint FROM pg_class \
               WHERE relname LIKE 'orders%' OR relname LIKE 'voucher_redemptions%'";
    sqlx::query_scalar(sum).fetch_one(pool).await.unwrap()
}

/// Orders behind a pool of one connection, in a database with the crowd.
async fn crowded(f: &Fixture) -> (PgOrders, PgPool) {
    sqlx::raw_sql(CROWD).execute(&f.db.pool).await.unwrap();
    let options = f.db.pool.connect_options().as_ref().clone();
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    (PgOrders::new(pool.clone(), digests(KEY)), pool)
}

#[tokio::test]
async fn how_often_a_person_used_a_voucher_is_told_without_reading_everybodys_orders() {
    let f = fixture().await;
    let (orders, pool) = crowded(&f).await;
    let person = Person { account: None, email: Some("Kim7@Example.com") };
    let before = rows_read(&pool).await;
    assert_eq!(orders.voucher_uses_by(Uuid::from_u128(7), &person).await.unwrap().of_person, 1);
    let read = rows_read(&pool).await - before;
    assert!((1..100).contains(&read), "{read} rows of 10,000");
}

#[tokio::test]
async fn uses_of_orders_that_were_anonymised_are_told_without_reading_everybodys() {
    let f = fixture().await;
    let (orders, pool) = crowded(&f).await;
    let (voucher, email) = (Uuid::from_u128(7), "kim7@example.com");
    let anonymised = "WITH gone AS (UPDATE orders SET email = '', anonymised_at = now() WHERE number = 'QD-7' RETURNING id) \
                      UPDATE voucher_redemptions SET address_digest = $1 WHERE order_id IN (SELECT id FROM gone)";
    let digest = digests(KEY).digest(voucher, email);
    sqlx::query(anonymised).bind(&digest[..]).execute(&pool).await.unwrap();
    let before = rows_read(&pool).await;
    let person = Person { account: None, email: Some(email) };
    assert_eq!(orders.voucher_uses_by(voucher, &person).await.unwrap().of_person, 1);
    let read = rows_read(&pool).await - before;
    assert!((1..100).contains(&read), "{read} rows of 10,000");
}

#[tokio::test]
async fn digests_to_be_forgotten_are_found_without_reading_those_that_count() {
    let f = fixture().await;
    let (orders, pool) = crowded(&f).await;
    let before = rows_read(&pool).await;
    // No voucher has ended by then.
    assert_eq!(orders.forget_digests(chrono::DateTime::UNIX_EPOCH, 200).await.unwrap(), 0);
    let read = rows_read(&pool).await - before;
    assert!((0..100).contains(&read), "{read} rows of 5,000");
}

#[tokio::test]
async fn staff_finds_orders_of_an_address_and_orders_that_wait_without_reading_all() {
    let f = fixture().await;
    let (orders, pool) = crowded(&f).await;
    let waits = "UPDATE orders SET status = 'manual_review', step = 'capture', review = 'failed' WHERE number = 'QD-9'";
    sqlx::query(waits).execute(&pool).await.unwrap();
    let of_address = Search { email: Some("kim7@example.com".to_owned()), ..Search::default() };
    let waiting = Search { status: Some(OrderStatus::ManualReview), ..Search::default() };
    for (search, number) in [(of_address, "QD-7"), (waiting, "QD-9")] {
        let before = rows_read(&pool).await;
        let found = orders.search(&search, 0, 21).await.unwrap();
        assert_eq!(found.iter().map(|order| order.number.as_str()).collect::<Vec<_>>(), [number]);
        let read = rows_read(&pool).await - before;
        assert!((1..100).contains(&read), "{search:?}: {read} rows of 5,000");
    }
}
