//! A voucher with a limit a person counts orders that name nobody any more, for as long as it can be used.

use axum::http::Method;
use serde_json::{Value, json};
use shop_contracts::orders::Order;
use shop_contracts::vouchers::Voucher;
use shop_instrumentation::config::Env;
use shop_instrumentation::{Boot, StartError, ids};
use shop_orders::storage::postgres::PgOrders;
use shop_orders::vouchers::Person;
use shop_orders::workers;
use shop_testkit::http;
use uuid::Uuid;

use crate::fixture::{Fixture, KEY, digests, fixture};
use crate::vouchers::{made, order_of, reason, uses, voucher};

const DAY_SECONDS: i64 = 24 * 60 * 60;
pub const NOT_TOLD: &str = "This code cannot be used for this order. Some codes count only so often for each \
     customer: this e-mail address may have used it up.";
const NEW_KEY: &str = "2222222222222222222222222222222222222222222222222222222222222222";

/// A voucher for so many orders a person, for a hundred days.
async fn limited(f: &Fixture, most: u32) -> Voucher {
    let mut asked = voucher(f, 9);
    asked["max_uses_per_person"] = json!(most);
    asked["ends_at"] = json!(f.saga.clock.now() + chrono::Duration::days(100));
    made(f, &asked).await
}

fn of_account(who: &str, account: Uuid) -> Value {
    let mut order = order_of(who);
    order["account_id"] = json!(account);
    order
}

async fn delete_account(f: &Fixture, account: Uuid) {
    let path = format!("/v1/accounts/{account}/anonymise");
    let answer = http::call(&f.router, Method::POST, &path, &[], axum::body::Body::empty()).await;
    assert_eq!(answer.status.as_u16(), 204, "{}", answer.text());
}

/// An account's order with the voucher, shipped; then the account is deleted, and the order names nobody.
async fn used_and_deleted(f: &Fixture, who: &str) -> Order {
    let account = ids::new_id();
    let order = f.paid(&of_account(who, account)).await;
    f.ship(order.id).await;
    delete_account(f, account).await;
    assert_eq!(f.order(order.id).await.email, "");
    order
}

async fn kept(f: &Fixture) -> i64 {
    f.scalar("SELECT count(*) FROM voucher_redemptions WHERE address_digest IS NOT NULL").await
}

#[tokio::test]
async fn a_voucher_of_one_use_a_person_is_used_after_account_and_address_are_forgotten() {
    let f = fixture().await;
    limited(&f, 1).await;
    used_and_deleted(&f, "kim").await;
    assert_eq!(reason(&f.place("guest", &order_of("KIM")).await), NOT_TOLD);
    let again = of_account("kim", ids::new_id());
    assert_eq!(reason(&f.place("new account", &again).await), NOT_TOLD, "any account can type any address");
    f.paid(&order_of("lee")).await;
    assert_eq!(uses(&f).await, 2, "nobody else is refused");
}

#[tokio::test]
async fn a_guest_s_use_counts_after_the_order_was_anonymised() {
    let f = fixture().await;
    limited(&f, 1).await;
    let order = f.paid(&order_of("kim")).await;
    f.ship(order.id).await;
    f.clock.advance_seconds(30 * DAY_SECONDS + 1);
    let keep = std::time::Duration::from_hours(30 * 24);
    assert_eq!(workers::anonymise(&f.saga, Some(keep)).await.unwrap(), 1);
    assert_eq!(reason(&f.place("again", &order_of("kim")).await), NOT_TOLD);
}

/// The first is found by its digest, the second by its address and its digest, the third by all and its account.
#[tokio::test]
async fn an_order_that_is_found_by_digest_and_by_address_counts_once() {
    let f = fixture().await;
    limited(&f, 3).await;
    used_and_deleted(&f, "kim").await;
    f.paid(&order_of("kim")).await;
    let account = ids::new_id();
    f.paid(&of_account("kim", account)).await;
    assert_eq!(reason(&f.place("d", &of_account("kim", account)).await), NOT_TOLD);
    assert_eq!((uses(&f).await, kept(&f).await), (3, 3));
}

/// Its address is kept by the digest until the voucher's end.
#[tokio::test]
async fn a_voucher_with_a_limit_a_person_ends_within_two_years() {
    let f = fixture().await;
    let mut asked = voucher(&f, 9);
    asked["ends_at"] = json!(f.saga.clock.now() + chrono::Duration::days(2 * 366 + 1));
    asked["max_uses_per_person"] = json!(1);
    let refused = f.post("/v1/staff/vouchers", &asked).await;
    let problem: Value = refused.json();
    assert_eq!(
        (refused.status.as_u16(), &problem["errors"][0]["field"]),
        (422, &json!("ends_at")),
        "{problem}"
    );
    assert_eq!(
        problem["errors"][0]["detail"],
        "at most 732 days from now where max_uses_per_person is given: until then its users' addresses count"
    );
    asked["ends_at"] = json!(f.saga.clock.now() + chrono::Duration::days(2 * 366));
    made(&f, &asked).await;
    let mut unlimited = voucher(&f, 9);
    unlimited["code"] = json!("for-ever");
    unlimited["ends_at"] = json!("2099-12-31T00:00:00Z");
    made(&f, &unlimited).await;
}

/// Instances of the version before write no digest, and those that are anonymised by this one get theirs then.
#[tokio::test]
async fn orders_of_the_version_before_count_before_and_after_they_are_anonymised() {
    let f = fixture().await;
    limited(&f, 1).await;
    let account = ids::new_id();
    let order = f.paid(&of_account("kim", account)).await;
    sqlx::query("UPDATE voucher_redemptions SET address_digest = NULL").execute(&f.db.pool).await.unwrap();
    assert_eq!(reason(&f.place("by address", &order_of("kim")).await), NOT_TOLD);
    f.ship(order.id).await;
    delete_account(&f, account).await;
    assert_eq!(kept(&f).await, 1);
    assert_eq!(reason(&f.place("by digest", &order_of("kim")).await), NOT_TOLD);
}

/// One that an instance of the version before anonymises keeps the digest of its first day.
#[tokio::test]
async fn an_order_that_the_version_before_anonymises_counts() {
    let f = fixture().await;
    limited(&f, 1).await;
    f.paid(&order_of("kim")).await;
    let forgets = "UPDATE orders SET email = '', anonymised_at = now()";
    sqlx::query(forgets).execute(&f.db.pool).await.unwrap();
    assert_eq!(reason(&f.place("again", &order_of("kim")).await), NOT_TOLD);
}

#[tokio::test]
async fn an_anonymised_order_that_is_cancelled_gives_its_use_back() {
    let f = fixture().await;
    limited(&f, 1).await;
    let account = ids::new_id();
    let order = f.paid(&of_account("kim", account)).await;
    delete_account(&f, account).await;
    f.clock.advance_seconds(61 * DAY_SECONDS);
    assert_eq!(workers::anonymise(&f.saga, None).await.unwrap(), 1, "its parcel never left");
    assert_eq!(reason(&f.place("before", &order_of("kim")).await), NOT_TOLD);
    let cancelled = f.post(&format!("/v1/orders/{}/cancel", order.id), &json!({})).await;
    assert!(cancelled.status.is_success(), "{}", cancelled.text());
    assert_eq!((uses(&f).await, kept(&f).await), (0, 0), "and what was kept is forgotten");
    f.paid(&order_of("kim")).await;
}

#[tokio::test]
async fn digests_are_kept_for_a_day_after_the_voucher_s_end_and_no_longer() {
    for is_ended_by_staff in [false, true] {
        let f = fixture().await;
        let voucher = limited(&f, 1).await;
        used_and_deleted(&f, "kim").await;
        f.paid(&order_of("lee")).await;
        f.clock.advance_seconds(if is_ended_by_staff { DAY_SECONDS } else { 100 * DAY_SECONDS });
        if is_ended_by_staff {
            let path = format!("/v1/staff/vouchers/{}/end", voucher.id);
            assert!(f.post(&path, &json!({"actor": "lou"})).await.status.is_success());
        }
        f.clock.advance_seconds(DAY_SECONDS);
        assert_eq!((workers::forget_digests(&f.saga).await.unwrap(), kept(&f).await), (0, 2));
        f.clock.advance_seconds(1);
        assert_eq!((workers::forget_digests(&f.saga).await.unwrap(), kept(&f).await), (2, 0));
    }
}

#[tokio::test]
async fn nothing_is_kept_of_an_address_where_nobody_counts_by_person() {
    let f = fixture().await;
    made(&f, &voucher(&f, 9)).await;
    used_and_deleted(&f, "kim").await;
    assert_eq!((uses(&f).await, kept(&f).await), (1, 0));
}

#[tokio::test]
async fn digests_under_a_key_of_before_count_until_it_is_dropped() {
    let f = fixture().await;
    let voucher = limited(&f, 1).await;
    used_and_deleted(&f, "kim").await;
    let person = Person { account: None, email: Some("kim@example.com") };
    for (keys, counted) in [(KEY.to_owned(), 1), (format!("{NEW_KEY},{KEY}"), 1), (NEW_KEY.to_owned(), 0)] {
        let orders = PgOrders::new(f.db.pool.clone(), digests(&keys));
        let uses = orders.voucher_uses_by(voucher.id, &person).await.unwrap();
        assert_eq!(uses.of_person, counted, "{keys}");
    }
}

#[tokio::test]
async fn orders_does_not_start_without_a_whole_key_and_does_not_tell_a_wrong_one() {
    let peers = ["CATALOG_URLS", "INVENTORY_URLS", "PAYMENTS_URLS"].map(|name| (name, "http://127.0.0.1:9"));
    let stores = [("DATABASE_URL", "postgres://127.0.0.1:9/orders"), ("REDIS_URL", "redis://127.0.0.1:9")];
    for (key, told) in [
        (None, "VOUCHER_DIGEST_KEY_FILE or VOUCHER_DIGEST_KEY is required"),
        (Some("12ab"), "VOUCHER_DIGEST_KEY: a key is 32 bytes in hexadecimal digits"),
    ] {
        let key = key.map(|key| ("VOUCHER_DIGEST_KEY", key));
        let boot =
            Boot::for_tests("orders", Env::from_pairs(peers.into_iter().chain(stores).chain(key))).unwrap();
        let refusal: StartError = shop_orders::wiring::start(boot).await.err().expect("it does not start");
        let text = format!("{refusal} {refusal:?}");
        assert!(text.contains(told) && !text.contains("12ab"), "{text}");
    }
}
