//! Returns that bring nothing back: refused by staff, withdrawn by the shopper. And what has waited longest for staff.

use serde_json::{Value, json};
use shop_contracts::orders::{Order, OrderPage, ReturnEnd, ReturnStatus};
use shop_testkit::http;

use crate::fixture::{Fixture, body, fixture};

async fn announced(f: &Fixture) -> Order {
    let order = f.paid(&body()).await;
    f.ship(order.id).await;
    announce(f, &order).await.json()
}

async fn announce(f: &Fixture, order: &Order) -> http::Answer {
    let line = json!({"product_id": order.lines[0].product_id, "quantity": 1});
    f.post(&format!("/v1/orders/{}/returns", order.id), &json!({"lines": [line]})).await
}

async fn refuse(f: &Fixture, order: &Order) -> http::Answer {
    let path = format!("/v1/staff/orders/{}/returns/{}/refuse", order.id, order.returns[0].id);
    f.post(&path, &json!({"actor": "robin", "reason": "It was worn at sea."})).await
}

async fn withdraw(f: &Fixture, order: &Order) -> http::Answer {
    let path = format!("/v1/orders/{}/returns/{}/withdraw", order.id, order.returns[0].id);
    f.post(&path, &json!({})).await
}

async fn receive(f: &Fixture, order: &Order) -> http::Answer {
    let path = format!("/v1/staff/orders/{}/returns/{}/receive", order.id, order.returns[0].id);
    f.post(&path, &json!({"actor": "robin"})).await
}

async fn event(f: &Fixture, kind: &'static str) -> Vec<Value> {
    let events = sqlx::query_scalar("SELECT payload FROM outbox WHERE kind = $1").bind(kind);
    events.fetch_all(&f.db.pool).await.unwrap()
}

#[tokio::test]
async fn a_refused_return_gives_nothing_back_and_the_shopper_reads_why() {
    let f = fixture().await;
    let order = announced(&f).await;
    let path = format!("/v1/staff/orders/{}/returns/{}/refuse", order.id, order.returns[0].id);
    let without = f.post(&path, &json!({"actor": "robin", "reason": " "})).await;
    assert!(without.text().contains("reason"), "{}", without.text());
    let refused: Order = refuse(&f, &order).await.json();
    assert_eq!(refuse(&f, &order).await.json::<Order>(), refused, "once");
    let closed = refused.returns[0].closed.clone().unwrap();
    assert_eq!((closed.end, closed.reason.as_str()), (ReturnEnd::Refused, "It was worn at sea."));
    // What callers of the version before read.
    assert_eq!(refused.returns[0].status, ReturnStatus::Requested);
    assert!(refused.refunds.is_empty() && refused.can_return, "the pieces are with the shopper");
    assert_eq!(receive(&f, &order).await.code(), "conflict");
    assert_eq!(withdraw(&f, &order).await.code(), "conflict");
    let told = event(&f, "order.return_refused").await;
    assert_eq!((told.len(), &told[0]["reason"]), (1, &json!("It was worn at sea.")));
    let entry = ("robin".to_owned(), "return_refused".to_owned());
    assert_eq!(f.history(order.id).await.last(), Some(&entry));
    assert!(announce(&f, &order).await.status.is_success(), "they may be announced again");
}

#[tokio::test]
async fn a_withdrawn_return_is_the_shopper_s_to_announce_again() {
    let f = fixture().await;
    let order = announced(&f).await;
    let kept: Order = withdraw(&f, &order).await.json();
    assert_eq!(kept.returns[0].closed.as_ref().unwrap().end, ReturnEnd::Withdrawn);
    assert_eq!(withdraw(&f, &order).await.json::<Order>(), kept, "once");
    assert_eq!(
        (refuse(&f, &order).await.code(), receive(&f, &order).await.code()),
        ("conflict".into(), "conflict".into())
    );
    assert_eq!(event(&f, "order.return_withdrawn").await.len(), 1);
    let entry = ("shopper".to_owned(), "return_withdrawn".to_owned());
    assert_eq!(f.history(order.id).await.last(), Some(&entry));
    assert!(kept.can_return);
}

#[tokio::test]
async fn a_return_that_came_back_is_neither_refused_nor_withdrawn() {
    let f = fixture().await;
    let order = announced(&f).await;
    assert!(receive(&f, &order).await.status.is_success());
    assert_eq!(
        (refuse(&f, &order).await.code(), withdraw(&f, &order).await.code()),
        ("conflict".into(), "conflict".into())
    );
    let nothing = format!("/v1/orders/{}/returns/{}/withdraw", order.id, uuid::Uuid::nil());
    assert_eq!(f.post(&nothing, &json!({})).await.status.as_u16(), 404);
}

#[tokio::test]
async fn what_has_waited_longest_comes_first_however_much_is_newer() {
    let f = fixture().await;
    let mut orders = Vec::new();
    for _ in 0..4 {
        orders.push(f.paid(&body()).await);
        f.clock.advance_seconds(1);
    }
    f.ship(orders[0].id).await;
    f.ship(orders[3].id).await;
    announce(&f, &orders[3]).await;
    f.clock.advance_seconds(1);
    let first: Order = announce(&f, &orders[0]).await.json();
    let listed = |query: &'static str| {
        let router = f.router.clone();
        async move {
            let page: OrderPage = http::get(&router, &format!("/v1/staff/orders?{query}")).await.json();
            page.orders.into_iter().map(|order| order.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(listed("waiting=parcel").await, [orders[1].id, orders[2].id]);
    assert_eq!(listed("waiting=parcel&per_page=1&page=2").await, [orders[2].id]);
    assert_eq!(listed("waiting=return").await, [orders[3].id, orders[0].id]);
    refuse(&f, &first).await;
    assert_eq!(listed("waiting=return").await, [orders[3].id]);
    assert_eq!(http::get(&f.router, "/v1/staff/orders?waiting=tea").await.code(), "invalid");
}
