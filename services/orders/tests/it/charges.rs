//! Delivery and tax: charged as agreed, kept, and given back.

use serde_json::{Value, json};
use shop_contracts::orders::{Order, OrderStatus};
use shop_contracts::{Money, seed};

use crate::fixture::{Fixture, body, fixture};

/// Three pieces by courier, as a page of today asks for them.
fn by_courier() -> (Value, i64) {
    let price = seed::products()[0].price;
    let total = 3 * price.amount_minor + 1_290;
    let mut order = body();
    order["lines"][0]["quantity"] = json!(3);
    order["delivery"] = json!("express");
    order["expected_total"] = json!(Money::new(total, price.currency));
    (order, total)
}

async fn send_back(f: &Fixture, order: &Order, quantity: u32) -> Order {
    let line = json!({"product_id": order.lines[0].product_id, "quantity": quantity});
    let path = format!("/v1/orders/{}/returns", order.id);
    let announced: Order = f.post(&path, &json!({"lines": [line]})).await.json();
    let id = announced.returns.last().unwrap().id;
    let path = format!("/v1/staff/orders/{}/returns/{id}/receive", order.id);
    f.post(&path, &json!({"actor": "robin"})).await.json()
}

#[tokio::test]
async fn delivery_and_tax_are_part_of_the_total_and_kept() {
    let f = fixture().await;
    let (request, total) = by_courier();
    let placed = f.paid(&request).await;
    let charges = placed.charges.clone().unwrap();
    assert_eq!((placed.total.amount_minor, charges.delivery.amount_minor), (total, 1_290));
    assert_eq!(charges.tax.amount_minor, shop_contracts::tax::contained(total, 1_900));
    assert_eq!(f.order(placed.id).await.charges, placed.charges);
    assert_eq!(f.order(placed.id).await.lines, placed.lines);
    let told = "SELECT count(*) FROM outbox WHERE payload -> 'charges' ->> 'delivery_method' = 'express'";
    assert!(f.scalar(told).await > 0, "mails tell it");
}

#[tokio::test]
async fn a_total_that_nobody_agreed_to_is_refused_and_nothing_is_written() {
    let f = fixture().await;
    let (mut request, total) = by_courier();
    request["expected_total"]["amount_minor"] = json!(total - 1);
    let answer = f.place("k", &request).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "total_changed"));
    assert!(answer.text().contains(&total.to_string()), "{}", answer.text());
    assert_eq!(f.scalar("SELECT count(*) FROM orders").await, 0);
}

#[tokio::test]
async fn a_request_of_the_version_before_pays_for_goods_alone() {
    let f = fixture().await;
    let placed = f.paid(&body()).await;
    assert_eq!(placed.total, placed.lines[0].unit_price);
    assert_eq!(placed.charges.unwrap().delivery.amount_minor, 0);
}

#[tokio::test]
async fn a_row_of_the_version_before_is_read_and_cancelled_without_tax() {
    let f = fixture().await;
    let placed = f.paid(&body()).await;
    let old = "UPDATE orders SET taxes = NULL";
    sqlx::query(old).execute(&f.db.pool).await.unwrap();
    sqlx::query("UPDATE order_lines SET tax_rate_bp = NULL, tax_minor = NULL")
        .execute(&f.db.pool)
        .await
        .unwrap();
    assert_eq!(f.order(placed.id).await.charges, None);
    let cancelled: Order = f.post(&format!("/v1/orders/{}/cancel", placed.id), &json!({})).await.json();
    assert_eq!((cancelled.status, cancelled.refunds[0].tax), (OrderStatus::Cancelled, None));
}

#[tokio::test]
async fn a_cancelled_order_gives_delivery_and_all_tax_back() {
    let f = fixture().await;
    let (request, total) = by_courier();
    let placed = f.paid(&request).await;
    let cancelled: Order = f.post(&format!("/v1/orders/{}/cancel", placed.id), &json!({})).await.json();
    assert_eq!(cancelled.refunds[0].amount.amount_minor, total);
    assert_eq!(cancelled.refunds[0].tax, Some(placed.charges.unwrap().tax));
}

#[tokio::test]
async fn pieces_that_come_back_give_back_their_tax_and_not_the_delivery() {
    let f = fixture().await;
    let (request, _) = by_courier();
    let placed = f.paid(&request).await;
    f.ship(placed.id).await;
    send_back(&f, &placed, 1).await;
    let all = send_back(&f, &placed, 2).await;
    let sums = |of: fn(&shop_contracts::orders::OrderRefund) -> i64| all.refunds.iter().map(of).sum::<i64>();
    let line = &placed.lines[0];
    assert_eq!(sums(|refund| refund.amount.amount_minor), 3 * line.unit_price.amount_minor);
    assert_eq!(sums(|refund| refund.tax.unwrap().amount_minor), line.charge.unwrap().tax.amount_minor);
    assert_eq!(all.refundable().amount_minor, 1_290, "the courier was paid");
}

#[tokio::test]
async fn nothing_is_delivered_to_a_country_without_a_rate() {
    let f = fixture().await;
    let mut request = body();
    request["ship_to"]["country"] = json!("US");
    let answer = f.place("k", &request).await;
    assert!(answer.status.as_u16() == 422 && answer.text().contains("ship_to.country"), "{}", answer.text());
}
