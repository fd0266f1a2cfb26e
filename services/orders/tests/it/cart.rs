//! One version of a cart is at most one order.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shop_contracts::orders::OrderPage;
use shop_testkit::http::get;

use crate::fixture::{body, fixture};

fn from_cart(version: u64) -> Value {
    let mut order = body();
    order["cart"] = json!({"id": "cart-1", "version": version});
    order
}

#[tokio::test]
async fn twenty_presses_with_keys_of_their_own_place_one_order() {
    let f = fixture().await;
    let keys: Vec<String> = (0..20).map(|i| format!("k{i}")).collect();
    let order = from_cart(1);
    let answers = futures::future::join_all(keys.iter().map(|key| f.place(key, &order))).await;
    let placed: Vec<_> = answers.iter().filter(|a| a.status.as_u16() == 201).collect();
    assert_eq!(placed.len(), 1, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    let id = placed[0].json::<Value>()["id"].clone();
    let others: Vec<_> = answers.iter().filter(|a| a.status.as_u16() != 201).collect();
    let codes: BTreeSet<String> = others.iter().map(|a| a.code()).collect();
    assert_eq!(codes, BTreeSet::from(["already_ordered".to_owned()]));
    assert!(others.iter().all(|a| a.json::<Value>()["existing"]["id"] == id));
    assert_eq!(f.scalar("SELECT count(*) FROM orders").await, 1);
    assert_eq!(f.peers.0.lock().unwrap().captured.len(), 1);
}

#[tokio::test]
async fn a_changed_price_does_not_hide_that_the_cart_was_ordered() {
    let f = fixture().await;
    f.place("k", &from_cart(1)).await;
    let mut stale = from_cart(1);
    stale["lines"][0]["unit_price"]["amount_minor"] = json!(1);
    assert_eq!(f.place("l", &stale).await.code(), "already_ordered");
}

#[tokio::test]
async fn a_version_whose_order_was_declined_or_rejected_is_free_again() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().declines = true;
    assert_eq!(f.place("k", &from_cart(1)).await.json::<Value>()["status"], "declined");
    f.peers.0.lock().unwrap().declines = false;
    f.peers.0.lock().unwrap().out_of_stock = true;
    assert_eq!(f.place("l", &from_cart(1)).await.json::<Value>()["status"], "rejected");
    f.peers.0.lock().unwrap().out_of_stock = false;
    assert_eq!(f.place("m", &from_cart(1)).await.json::<Value>()["status"], "confirmed");
    assert_eq!(f.place("n", &from_cart(1)).await.code(), "already_ordered");
}

#[tokio::test]
async fn a_pending_order_holds_its_version_and_the_next_version_is_another_cart() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert("authorise", 1);
    assert_eq!(f.place("k", &from_cart(1)).await.json::<Value>()["status"], "pending");
    let answer = f.place("l", &from_cart(1)).await;
    assert_eq!(answer.json::<Value>()["existing"]["status"], "pending");
    let next: Value = f.place("m", &from_cart(2)).await.json();
    assert_eq!((&next["status"], &next["cart"]["version"]), (&json!("confirmed"), &json!(2)));
}

#[tokio::test]
async fn what_became_of_a_cart_is_told_by_its_id() {
    let f = fixture().await;
    let told = async |cart: &str| {
        let page: OrderPage = get(&f.router, &format!("/v1/carts/{cart}/orders")).await.json();
        page.orders.into_iter().map(|order| order.cart.unwrap().version).collect::<Vec<_>>()
    };
    assert_eq!(told("cart-1").await, [0; 0]);
    f.peers.0.lock().unwrap().declines = true;
    f.place("k", &from_cart(1)).await;
    f.peers.0.lock().unwrap().declines = false;
    assert_eq!(told("cart-1").await, [0; 0], "nothing came of it");
    for version in 2..12 {
        f.place(&format!("k{version}"), &from_cart(version)).await;
    }
    assert_eq!(told("cart-1").await, [11, 10, 9, 8, 7, 6, 5, 4], "the newest");
    assert_eq!(told("cart-2").await, [0; 0]);
    assert_eq!(told("a%20b").await, [0; 0], "no cart is called so");
}

fn of(cart: &str, version: u64, known: &[(&str, u64)], open: &[(&str, u64)]) -> Value {
    let refs = |carts: &[(&str, u64)]| -> Vec<Value> {
        carts.iter().map(|(id, version)| json!({"id": id, "version": version})).collect()
    };
    let mut order = body();
    order["cart"] = json!({"id": cart, "version": version});
    order["known"] = json!({"carts": refs(known), "open": refs(open)});
    order
}

#[tokio::test]
async fn a_cart_that_does_not_know_of_its_order_is_refused_and_told() {
    let f = fixture().await;
    let first: Value = f.place("k", &of("cart-1", 1, &[("cart-1", 0)], &[])).await.json();
    let refused = f.place("l", &of("cart-1", 2, &[("cart-1", 0)], &[])).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "cart_ordered"));
    assert_eq!(refused.json::<Value>()["existing"][0]["id"], first["id"]);
    assert_eq!(f.scalar("SELECT count(*) FROM orders").await, 1);
    for (key, known) in [
        ("m", of("cart-1", 2, &[("cart-1", 1)], &[])),
        ("n", of("cart-1", 3, &[("cart-1", 0)], &[("cart-1", 1), ("cart-1", 2)])),
    ] {
        assert_eq!(f.place(key, &known).await.json::<Value>()["status"], "confirmed", "{known}");
    }
}

#[tokio::test]
async fn an_order_of_a_cart_that_became_part_of_this_one_is_told_too() {
    let f = fixture().await;
    let first: Value = f.place("k", &of("phone", 5, &[("phone", 0)], &[])).await.json();
    let joined = |through| of("laptop", 9, &[("laptop", 0), ("phone", through)], &[]);
    let refused = f.place("l", &joined(0)).await;
    assert_eq!(refused.json::<Value>()["existing"][0]["id"], first["id"]);
    assert_eq!(f.place("l", &joined(5)).await.json::<Value>()["status"], "confirmed");
}

#[tokio::test]
async fn an_order_that_nothing_came_of_stands_in_nobody_s_way() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().declines = true;
    f.place("k", &of("cart-1", 1, &[("cart-1", 0)], &[])).await;
    f.peers.0.lock().unwrap().declines = false;
    let next: Value = f.place("l", &of("cart-1", 2, &[("cart-1", 0)], &[])).await.json();
    assert_eq!(next["status"], "confirmed");
}

/// Each tab of a browser, or device of an account, puts something in and presses; none has heard of another.
#[tokio::test]
async fn of_twenty_versions_pressed_at_once_one_becomes_an_order() {
    let f = fixture().await;
    let presses = (1..=20).map(|version| {
        let f = &f;
        async move { f.place(&format!("k{version}"), &of("cart-1", version, &[("cart-1", 0)], &[])).await }
    });
    let answers = futures::future::join_all(presses).await;
    let (placed, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status.as_u16() == 201);
    let codes: BTreeSet<String> = refused.iter().map(|answer| answer.code()).collect();
    assert_eq!((placed.len(), codes), (1, BTreeSet::from(["cart_ordered".to_owned()])));
    assert_eq!(f.peers.0.lock().unwrap().captured.len(), 1);
}

#[tokio::test]
async fn what_a_cart_knows_is_bounded_and_named_where_it_is_wrong() {
    let f = fixture().await;
    let many: Vec<(&str, u64)> = (0..9).map(|version| ("cart-1", version)).collect();
    for (wrong, field) in [
        (of("cart-1", 1, &many, &[]), "known.carts"),
        (of("cart-1", 1, &[], &many), "known.open"),
        (of("cart-1", 1, &[("", 1)], &[]), "known.carts[0].id"),
        (of("cart-1", 1, &[], &[("c", u64::MAX)]), "known.open[0].version"),
    ] {
        let refused = f.place("k", &wrong).await;
        assert_eq!(refused.status.as_u16(), 422);
        assert_eq!(refused.json::<Value>()["errors"][0]["field"], field);
    }
}
