//! The back office: lists, refunds, parcels; and guests who look for their order.

use serde_json::{Value, json};
use shop_contracts::orders::{Order, RefundStatus};
use shop_testkit::http;

use crate::fixture::{Fixture, body, fixture};

async fn refund(f: &Fixture, order: &Order, key: &str, amount_minor: i64) -> http::Answer {
    let amount = json!({"amount_minor": amount_minor, "currency": order.total.currency});
    let body = json!({"actor": "robin", "amount": amount, "reason": "it was late"});
    http::post(&f.router, &format!("/v1/staff/orders/{}/refunds", order.id), key, &body).await
}

#[tokio::test]
async fn staff_gives_back_no_more_than_was_taken() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    let total = order.total.amount_minor;
    let refunded: Order = refund(&f, &order, "a", 100).await.json();
    assert_eq!(refunded.refunds[0].status, RefundStatus::Refunded);
    assert_eq!(refund(&f, &order, "a", 100).await.json::<Order>().refunds.len(), 1, "once a key");
    assert_eq!(refund(&f, &order, "a", 200).await.code(), "key_reused");
    assert_eq!(refund(&f, &order, "b", total).await.code(), "conflict");
    assert_eq!(refund(&f, &order, "b", 0).await.code(), "invalid");
    assert_eq!(refund(&f, &order, "b", total - 100).await.status.as_u16(), 201);
    assert_eq!(f.peers.0.lock().unwrap().refunded.values().sum::<i64>(), total);
}

#[tokio::test]
async fn parallel_refunds_never_give_back_more_than_was_taken() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    let keys: Vec<String> = (0..10).map(|i| format!("k{i}")).collect();
    let half = order.total.amount_minor / 2;
    futures::future::join_all(keys.iter().map(|key| refund(&f, &order, key, half))).await;
    assert_eq!(f.peers.0.lock().unwrap().refunded.values().sum::<i64>(), 2 * half);
}

#[tokio::test]
async fn a_cancel_after_a_refund_gives_back_the_rest() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    refund(&f, &order, "a", 100).await;
    f.post(&format!("/v1/orders/{}/cancel", order.id), &json!({})).await;
    assert_eq!(f.peers.0.lock().unwrap().refunded.values().sum::<i64>(), order.total.amount_minor);
}

#[tokio::test]
async fn a_parcel_is_handed_over_once() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    let shipped: Order = f.ship(order.id).await.json();
    assert_eq!(shipped.shipment.as_ref().unwrap().tracking_number, "GP1");
    assert_eq!(f.ship(order.id).await.json::<Order>(), shipped);
    let other = json!({"actor": "robin", "carrier": "Gull Post", "tracking_number": "GP2"});
    let path = format!("/v1/staff/orders/{}/ship", order.id);
    assert_eq!(f.post(&path, &other).await.code(), "conflict");
    assert_eq!(f.scalar("SELECT count(*) FROM outbox WHERE kind = 'order.shipped'").await, 1);
    let nobody = json!({"actor": " ", "carrier": "Gull Post", "tracking_number": "GP2"});
    assert!(f.post(&path, &nobody).await.text().contains("actor"));
}

#[tokio::test]
async fn staff_finds_orders_by_number_address_and_status() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    let mut other = body();
    other["email"] = json!("robin@example.com");
    let on_its_way = f.paid(&other).await;
    f.ship(on_its_way.id).await;
    for (query, found) in [
        ("", 2),
        ("?q=kim@EXAMPLE.com", 1),
        (&*format!("?q={}", order.number.to_lowercase()), 1),
        (&*format!("?q={}", &order.number[..9]), 1),
        ("?q=%25", 0),
        ("?q=nothing", 0),
        ("?status=confirmed", 2),
        ("?status=confirmed&shipped=true", 1),
        ("?status=confirmed&shipped=false", 1),
        ("?shipped=true&q=robin@example.com", 1),
        ("?shipped=false&q=robin@example.com", 0),
        (&*format!("?shipped=true&q={}", order.number), 0),
        ("?status=cancelled&shipped=true", 0),
        ("?status=manual_review&shipped=true", 0),
        ("?status=pending", 0),
        ("?per_page=1", 1),
    ] {
        let page: Value = http::get(&f.router, &format!("/v1/staff/orders{query}")).await.json();
        assert_eq!(page["orders"].as_array().unwrap().len(), found, "{query}");
    }
    assert_eq!(http::get(&f.router, "/v1/staff/orders?status=lost").await.code(), "invalid");
}

/// What was given back as a favour is no reason to keep the parcel, and none to send it either: somebody has to say so.
#[tokio::test]
async fn a_parcel_whose_money_went_back_leaves_only_when_somebody_says_so() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    let path = format!("/v1/staff/orders/{}/ship", order.id);
    refund(&f, &order, "a", 100).await;
    refund(&f, &order, "b", order.total.amount_minor - 100).await;
    let refused = f.ship(order.id).await;
    assert_eq!(refused.code(), "conflict", "{}", refused.text());
    let problem: Value = refused.json();
    assert_eq!(problem["errors"][0]["field"], "although_refunded");
    assert_eq!(f.scalar("SELECT count(*) FROM outbox WHERE kind = 'order.shipped'").await, 0);
    let said = json!({"actor": "robin", "carrier": "Gull Post", "tracking_number": "GP1", "although_refunded": true});
    let shipped: Order = f.post(&path, &said).await.json();
    assert!(shipped.shipment.is_some());
    let history = http::get(&f.router, &format!("/v1/staff/orders/{}/history", order.id)).await.text();
    assert!(history.contains("Gull Post GP1, although all of the money went back"), "{history}");
    assert_eq!(f.ship(order.id).await.json::<Order>(), shipped, "the same parcel again changes nothing");
}

#[tokio::test]
async fn a_parcel_of_which_some_money_went_back_leaves_as_any_other() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    refund(&f, &order, "a", order.total.amount_minor - 1).await;
    assert!(f.ship(order.id).await.json::<Order>().shipment.is_some());
}

#[tokio::test]
async fn a_guest_finds_an_order_and_learns_nothing_from_a_wrong_guess() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    let ask = |number: &str, email: &str| {
        let body = json!({"number": number, "email": email});
        let router = f.router.clone();
        async move { http::post(&router, "/v1/orders/lookup", "k", &body).await }
    };
    let typed = order.number.to_lowercase().replace('-', " ");
    assert_eq!(ask(&typed, " Kim@Example.com").await.json::<Order>().id, order.id);
    let wrong_email = ask(&order.number, "robin@example.com").await;
    let wrong_number = ask("QD-000000-000000", "kim@example.com").await;
    let no_number = ask("'; DROP TABLE orders", "kim@example.com").await;
    assert_eq!(wrong_email.status.as_u16(), 404);
    assert_eq!(wrong_email.text(), wrong_number.text());
    assert_eq!(wrong_email.text(), no_number.text());
    assert_eq!(ask(&order.number, "").await.text(), wrong_email.text());
}
