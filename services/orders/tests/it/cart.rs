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
