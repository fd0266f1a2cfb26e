//! Vouchers: used as often as they allow, given back by orders that come to nothing, and refused with a reason.

use serde_json::{Value, json};
use shop_contracts::orders::Order;
use shop_contracts::seed;
use shop_contracts::vouchers::Voucher;
use shop_testkit::http;

use crate::fixture::{Fixture, body, fixture};
use crate::voucher_digests::NOT_TOLD;

/// A voucher of ten percent, from now for a day.
pub fn voucher(f: &Fixture, uses: u32) -> Value {
    let now = f.saga.clock.now();
    json!({
        "actor": "robin", "code": "spring-26", "benefit": {"kind": "percent", "percent": 10},
        "minimum": {"amount_minor": 0, "currency": "EUR"},
        "starts_at": now, "ends_at": now + chrono::Duration::days(1), "max_uses": uses,
    })
}

pub async fn made(f: &Fixture, voucher: &Value) -> Voucher {
    let answer = f.post("/v1/staff/vouchers", voucher).await;
    assert_eq!(answer.status.as_u16(), 201, "{}", answer.text());
    answer.json()
}

/// An order of somebody with the voucher.
pub fn order_of(who: &str) -> Value {
    let mut order = body();
    order["email"] = json!(format!("{who}@example.com"));
    order["voucher"] = json!(" Spring-26 ");
    order["delivery"] = json!("pick_up");
    order
}

pub async fn uses(f: &Fixture) -> i64 {
    f.scalar("SELECT uses::bigint FROM vouchers").await
}

/// What is said at the field.
pub fn reason(answer: &http::Answer) -> String {
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (409, "voucher_refused"),
        "{}",
        answer.text()
    );
    assert_eq!(answer.json::<Value>()["errors"][0]["field"], "voucher");
    answer.json::<Value>()["errors"][0]["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_thousand_redemptions_at_once_of_a_voucher_of_ten_uses_are_ten() {
    let f = fixture().await;
    made(&f, &voucher(&f, 10)).await;
    let orders: Vec<(String, Value)> =
        (0..1_000).map(|n| (format!("k{n}"), order_of(&format!("kim{n}")))).collect();
    let answers = futures::future::join_all(orders.iter().map(|(key, order)| f.place(key, order))).await;
    let placed = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    let unplaced = answers.iter().filter(|answer| answer.status.as_u16() != 201);
    let refused = unplaced.filter(|answer| answer.code() == "voucher_refused").count();
    assert_eq!((placed, refused), (10, 990));
    assert_eq!((uses(&f).await, f.scalar("SELECT count(*) FROM orders").await), (10, 10));
    assert_eq!(f.scalar("SELECT count(*) FROM voucher_redemptions").await, 10);
}

#[tokio::test]
async fn a_double_press_and_two_carts_with_a_voucher_of_one_use_are_one_order() {
    let f = fixture().await;
    made(&f, &voucher(&f, 1)).await;
    let order = order_of("kim");
    let presses = futures::future::join_all((0..8).map(|_| f.place("one", &order))).await;
    let ids: std::collections::BTreeSet<String> =
        presses.iter().map(|answer| answer.json::<Value>()["id"].to_string()).collect();
    assert!(presses.iter().all(|answer| answer.status.as_u16() == 201) && ids.len() == 1);
    assert_eq!(f.place("other", &order).await.code(), "voucher_refused");
    let check = json!({"code": "spring-26", "goods": {"amount_minor": 99_999, "currency": "EUR"}});
    let checked = f.post("/v1/vouchers/check", &check).await;
    assert_eq!(reason(&checked), "This code has been used as often as it can be.");
    assert_eq!((uses(&f).await, f.scalar("SELECT count(*) FROM orders").await), (1, 1));
}

#[tokio::test]
async fn an_order_that_comes_to_nothing_gives_its_use_back() {
    let f = fixture().await;
    made(&f, &voucher(&f, 1)).await;
    f.peers.0.lock().unwrap().declines = true;
    let declined: Value = f.place("declined", &order_of("kim")).await.json();
    assert_eq!((declined["status"].as_str(), uses(&f).await), (Some("declined"), 0));
    f.peers.0.lock().unwrap().declines = false;
    f.peers.0.lock().unwrap().out_of_stock = true;
    f.place("rejected", &order_of("kim")).await;
    f.peers.0.lock().unwrap().out_of_stock = false;
    let order = f.paid(&order_of("kim")).await;
    assert_eq!(uses(&f).await, 1);
    for _ in 0..2 {
        f.post(&format!("/v1/orders/{}/cancel", order.id), &json!({})).await;
    }
    assert_eq!(uses(&f).await, 0, "once");
}

#[tokio::test]
async fn the_version_before_that_knows_no_vouchers_gives_them_back_too() {
    let f = fixture().await;
    made(&f, &voucher(&f, 1)).await;
    f.peers.0.lock().unwrap().fail_before.insert("reserve", 1);
    f.place("k", &order_of("kim")).await;
    assert_eq!(uses(&f).await, 1);
    let ends = "UPDATE orders SET status = 'rejected', step = 'done', reason = 'out_of_stock'";
    sqlx::query(ends).execute(&f.db.pool).await.unwrap();
    assert_eq!(uses(&f).await, 0);
}

#[tokio::test]
async fn lines_give_back_what_was_really_paid_for_them() {
    let f = fixture().await;
    made(&f, &voucher(&f, 1)).await;
    let mut request = order_of("kim");
    request["lines"][0]["quantity"] = json!(3);
    let order = f.paid(&request).await;
    let goods = 3 * seed::products()[0].price.amount_minor;
    assert_eq!(order.total.amount_minor, goods - goods * 10 / 100);
    f.ship(order.id).await;
    for quantity in [1, 2] {
        let line = json!({"product_id": order.lines[0].product_id, "quantity": quantity});
        let path = format!("/v1/orders/{}/returns", order.id);
        let announced: Order = f.post(&path, &json!({"lines": [line]})).await.json();
        let id = announced.returns.last().unwrap().id;
        let path = format!("/v1/staff/orders/{}/returns/{id}/receive", order.id);
        f.post(&path, &json!({"actor": "robin"})).await;
    }
    let back = f.order(order.id).await;
    assert_eq!(back.refunds.iter().map(|r| r.amount.amount_minor).sum::<i64>(), order.total.amount_minor);
    assert_eq!(back.refundable().amount_minor, 0);
}

#[tokio::test]
async fn every_refusal_says_why() {
    let f = fixture().await;
    let mut asked = voucher(&f, 9);
    asked["max_uses_per_person"] = json!(1);
    asked["minimum"]["amount_minor"] = json!(100);
    asked["starts_at"] = json!(f.saga.clock.now() + chrono::Duration::hours(1));
    made(&f, &asked).await;
    let mut unknown = order_of("kim");
    unknown["voucher"] = json!("NOBODY");
    assert_eq!(reason(&f.place("a", &unknown).await), "We do not know this code.");
    let account = shop_instrumentation::ids::new_id();
    let of_account = |email: &str| {
        let mut order = order_of(email);
        order["account_id"] = json!(account);
        order
    };
    assert!(reason(&f.place("b", &of_account("kim")).await).contains("counts from"));
    f.clock.advance_seconds(3_600);
    f.paid(&of_account("kim")).await;
    assert_eq!(reason(&f.place("c", &of_account("KIM")).await), "You have used this code already.");
    let check = json!({"code": "spring-26", "goods": {"amount_minor": 99, "currency": "EUR"}});
    let answer = f.post("/v1/vouchers/check", &check).await;
    assert_eq!(reason(&answer), "This code counts for goods of €1.00 or more.");
    f.clock.advance_seconds(24 * 3_600);
    assert!(reason(&f.place("d", &of_account("lee")).await).contains("time is over"));
}

/// Whoever types an address has not proved that it is theirs.
#[tokio::test]
async fn a_guest_is_not_told_that_an_address_has_ordered_with_a_code() {
    let f = fixture().await;
    let mut asked = voucher(&f, 9);
    asked["max_uses_per_person"] = json!(1);
    let made = made(&f, &asked).await;
    f.paid(&order_of("kim")).await;
    let used = f.place("a", &order_of("KIM")).await;
    let check = json!({"code": "spring-26", "email": "kim@example.com", "goods": {"amount_minor": 99, "currency": "EUR"}});
    let checked = f.post("/v1/vouchers/check", &check).await;
    // What is over for everybody reads the same, whether the address has used the code or not.
    f.post(&format!("/v1/staff/vouchers/{}/end", made.id), &json!({"actor": "lou"})).await;
    let over = f.place("b", &order_of("lee")).await;
    for answer in [used, checked, over] {
        assert_eq!(reason(&answer), NOT_TOLD);
    }
}

/// Nor has who logs in: they are told of their own account's uses alone.
#[tokio::test]
async fn an_account_is_not_told_that_another_s_address_has_ordered_with_a_code() {
    let f = fixture().await;
    let mut asked = voucher(&f, 9);
    asked["max_uses_per_person"] = json!(2);
    made(&f, &asked).await;
    let account = shop_instrumentation::ids::new_id();
    let of_account = |email: &str| {
        let mut order = order_of(email);
        order["account_id"] = json!(account);
        order
    };
    f.paid(&order_of("kim")).await;
    f.paid(&order_of("kim")).await;
    let check = json!({"code": "spring-26", "email": "KIM@example.com", "account_id": account,
        "goods": {"amount_minor": 99, "currency": "EUR"}});
    for uses_of_its_own in [0, 1] {
        let key = format!("kim's, {uses_of_its_own}");
        for answer in [f.place(&key, &of_account("kim")).await, f.post("/v1/vouchers/check", &check).await] {
            assert_eq!(reason(&answer), NOT_TOLD);
        }
        f.paid(&of_account("lee")).await;
    }
    for answer in [f.place("its own", &of_account("kim")).await, f.post("/v1/vouchers/check", &check).await] {
        assert_eq!(reason(&answer), "You have used this code already.");
    }
}

#[tokio::test]
async fn staff_makes_a_voucher_once_lists_it_and_ends_it() {
    let f = fixture().await;
    let asked = voucher(&f, 5);
    let press =
        async |key: &str, asked: &Value| http::post(&f.router, "/v1/staff/vouchers", key, asked).await;
    let first: Voucher = press("one press", &asked).await.json();
    let again: Voucher = press("one press", &asked).await.json();
    assert_eq!((again.id, first.terms.code.as_str()), (first.id, "SPRING-26"));
    let second = press("another press", &asked).await;
    assert_eq!(second.code(), "conflict", "whoever makes a second one is not told that it was made");
    assert_eq!(second.json::<Value>()["errors"][0]["field"], "code");
    let mut other = asked.clone();
    other["max_uses"] = json!(6);
    assert_eq!(press("a third", &other).await.code(), "conflict");
    assert_eq!(press("one press", &other).await.code(), "conflict", "the key belongs to other terms");
    let path = format!("/v1/staff/vouchers/{}/end", first.id);
    let ended: Voucher = f.post(&path, &json!({"actor": "lou", "note": "typo"})).await.json();
    let again: Voucher = f.post(&path, &json!({"actor": "robin"})).await.json();
    assert_eq!((ended.ended_by.as_deref(), &again), (Some("lou"), &ended));
    let check = json!({"code": "spring-26", "goods": {"amount_minor": 99_999, "currency": "EUR"}});
    assert!(reason(&f.post("/v1/vouchers/check", &check).await).contains("time is over"));
    let page: Value = http::get(&f.router, "/v1/staff/vouchers").await.json();
    assert_eq!(
        (page["vouchers"][0]["code"].as_str(), page["has_more"].as_bool()),
        (Some("SPRING-26"), Some(false))
    );
}

#[tokio::test]
async fn wrong_vouchers_name_the_field() {
    let f = fixture().await;
    for (pointer, value, named) in [
        ("/code", json!("a b"), "code"),
        ("/benefit", json!({"kind": "percent", "percent": 91}), "benefit"),
        (
            "/benefit",
            json!({"kind": "amount", "amount": {"amount_minor": 500, "currency": "EUR"}}),
            "minimum",
        ),
        ("/max_uses", json!(0), "max_uses"),
        ("/ends_at", json!("2020-01-01T00:00:00Z"), "ends_at"),
        ("/actor", json!(" "), "actor"),
    ] {
        let mut wrong = voucher(&f, 1);
        *wrong.pointer_mut(pointer).unwrap() = value;
        let answer = f.post("/v1/staff/vouchers", &wrong).await;
        let problem: Value = answer.json();
        let fields: Vec<&str> =
            problem["errors"].as_array().into_iter().flatten().filter_map(|e| e["field"].as_str()).collect();
        assert_eq!((answer.status.as_u16(), &*fields), (422, &[named][..]), "{problem}");
    }
}

/// Who may use a voucher without a limit a person is not asked of the table of its uses.
#[tokio::test]
async fn uses_are_counted_only_where_a_person_has_a_limit() {
    let f = fixture().await;
    made(&f, &voucher(&f, 5)).await;
    let mut locked = f.db.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE voucher_redemptions IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *locked)
        .await
        .unwrap();
    let check = json!({"code": "spring-26", "email": "kim@example.com", "goods": {"amount_minor": 99, "currency": "EUR"}});
    let asked = f.post("/v1/vouchers/check", &check);
    let answer = tokio::time::timeout(std::time::Duration::from_secs(5), asked).await;
    assert!(answer.expect("nothing is read of the locked table").status.is_success());
}

#[tokio::test]
async fn a_person_s_uses_are_counted_once_each_by_account_and_by_address() {
    let f = fixture().await;
    let mut asked = voucher(&f, 9);
    asked["max_uses_per_person"] = json!(2);
    made(&f, &asked).await;
    let account = shop_instrumentation::ids::new_id();
    let of = |email: &str, account: Option<uuid::Uuid>| {
        let mut order = order_of(email);
        order["account_id"] = json!(account);
        order
    };
    // Found by account and by address: one use.
    f.paid(&of("kim", Some(account))).await;
    f.paid(&of("KIM", None)).await;
    assert_eq!(reason(&f.place("c", &of("kim", None)).await), NOT_TOLD);
    f.paid(&of("lee", Some(account))).await;
    assert_eq!(reason(&f.place("d", &of("max", Some(account))).await), "You have used this code already.");
}
