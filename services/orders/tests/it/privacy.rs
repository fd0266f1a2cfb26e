//! Orders forget who placed them; lines and money stay.

use axum::http::Method;
use serde_json::{Value, json};
use shop_contracts::orders::Order;
use shop_orders::workers;
use shop_testkit::http;
use uuid::Uuid;

use crate::fixture::{Fixture, body, fixture};

const DAY_SECONDS: i64 = 24 * 60 * 60;

async fn anonymise(f: &Fixture, account: Uuid) {
    let path = format!("/v1/accounts/{account}/anonymise");
    let answer = http::call(&f.router, Method::POST, &path, &[], axum::body::Body::empty()).await;
    assert_eq!(answer.status.as_u16(), 204, "{}", answer.text());
}

fn of(account: Uuid) -> Value {
    let mut order = body();
    order["account_id"] = json!(account);
    order
}

/// Whether any column of any table of this database still holds the text. Events in the outbox are what the relay sends
/// and forgets within seconds: it has none when this is asked.
async fn is_known(f: &Fixture, text: &str) -> bool {
    sqlx::query("DELETE FROM outbox").execute(&f.db.pool).await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&f.db.pool)
            .await
            .unwrap();
    assert!(tables.len() > 7, "{tables:?}");
    let mut dump = String::new();
    for table in tables {
        let sql = format!("SELECT coalesce(json_agg(t), '[]')::text FROM {table} t");
        let rows: Result<String, _> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&f.db.pool).await;
        dump.push_str(&rows.unwrap_or_else(|e| panic!("{table}: {e}")));
    }
    dump.contains(text)
}

#[tokio::test]
async fn a_deleted_account_s_orders_name_nobody_and_keep_lines_and_money() {
    let f = fixture().await;
    let account = shop_instrumentation::ids::new_id();
    let order = f.paid(&of(account)).await;
    f.ship(order.id).await;
    let line = json!({"product_id": order.lines[0].product_id, "quantity": 1});
    let words = json!({"lines": [line], "reason": "Kim wanted another colour"});
    f.post(&format!("/v1/orders/{}/returns", order.id), &words).await;
    let back = f.order(order.id).await.returns[0].id;
    let refusal = json!({"actor": "robin", "reason": "Kim wore it"});
    f.post(&format!("/v1/staff/orders/{}/returns/{back}/refuse", order.id), &refusal).await;
    for text in ["kim@example.com", "wanted another colour", "wore it", "GP1"] {
        assert!(is_known(&f, text).await, "{text}");
    }
    anonymise(&f, account).await;
    // A carrier's page about a parcel names who receives it.
    for text in ["kim@example.com", "Kim", "1 Quay", "Kiel", "24103", "GP1", &account.to_string()] {
        assert!(!is_known(&f, text).await, "{text}");
    }
    let left: Order = f.order(order.id).await;
    assert_eq!((&left.lines, left.total, left.ship_to.country.as_str()), (&order.lines, order.total, "DE"));
    anonymise(&f, account).await;
    assert_eq!(f.history(order.id).await.iter().filter(|(_, action)| action == "anonymised").count(), 1);
}

#[tokio::test]
async fn an_order_that_still_needs_its_address_forgets_it_when_the_parcel_has_left() {
    let f = fixture().await;
    let account = shop_instrumentation::ids::new_id();
    let order = f.paid(&of(account)).await;
    anonymise(&f, account).await;
    assert!(is_known(&f, "1 Quay").await, "it has to arrive");
    f.ship(order.id).await;
    assert_eq!(workers::anonymise(&f.saga, None).await.unwrap(), 1);
    assert!(!is_known(&f, "1 Quay").await);
}

#[tokio::test]
async fn an_order_that_a_deleted_account_left_is_found_by_its_number_and_address() {
    let f = fixture().await;
    let account = shop_instrumentation::ids::new_id();
    let order = f.paid(&of(account)).await;
    anonymise(&f, account).await;
    let ask = json!({"number": order.number, "email": "kim@example.com"});
    let found: Order = http::post(&f.router, "/v1/orders/lookup", "k", &ask).await.json();
    assert_eq!((found.id, found.account_id), (order.id, None), "it asks for no log-in");
    assert!(!is_known(&f, &account.to_string()).await);
}

#[tokio::test]
async fn a_parcel_that_never_leaves_does_not_keep_the_address_for_ever() {
    let f = fixture().await;
    let account = shop_instrumentation::ids::new_id();
    f.paid(&of(account)).await;
    anonymise(&f, account).await;
    f.clock.advance_seconds(61 * DAY_SECONDS);
    assert_eq!(workers::anonymise(&f.saga, None).await.unwrap(), 1);
}

#[tokio::test]
async fn guests_are_forgotten_after_three_years_and_accounts_are_not() {
    let f = fixture().await;
    f.paid(&body()).await;
    f.paid(&of(shop_instrumentation::ids::new_id())).await;
    f.clock.advance_seconds(3 * 365 * DAY_SECONDS);
    assert_eq!(workers::anonymise(&f.saga, Some(workers::KEEP_GUESTS)).await.unwrap(), 0);
    f.clock.advance_seconds(1);
    assert_eq!(workers::anonymise(&f.saga, None).await.unwrap(), 0);
    assert_eq!(workers::anonymise(&f.saga, Some(workers::KEEP_GUESTS)).await.unwrap(), 1);
    assert_eq!(f.scalar("SELECT count(*) FROM orders WHERE email = ''").await, 1);
}

#[tokio::test]
async fn an_anonymised_order_is_not_found_by_anybody_s_address() {
    let f = fixture().await;
    let account = shop_instrumentation::ids::new_id();
    let order = f.paid(&of(account)).await;
    f.ship(order.id).await;
    anonymise(&f, account).await;
    for email in ["kim@example.com", ""] {
        let ask = json!({"number": order.number, "email": email});
        let answer = http::post(&f.router, "/v1/orders/lookup", "k", &ask).await;
        assert_eq!(answer.status.as_u16(), 404);
    }
}
