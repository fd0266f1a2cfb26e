//! Cancelling, returning, and what a crash in between leaves.

use serde_json::{Value, json};
use shop_contracts::orders::{Order, OrderStatus, RETURN_DAYS, RefundStatus, ReturnStatus};

use crate::fixture::{Fixture, body, fixture};

const DAY_SECONDS: i64 = 24 * 60 * 60;
const ALWAYS: u32 = u32::MAX;

fn three_pieces() -> Value {
    let mut order = body();
    order["lines"][0]["quantity"] = json!(3);
    order
}

async fn cancel(f: &Fixture, order: &Order) -> shop_testkit::http::Answer {
    f.post(&format!("/v1/orders/{}/cancel", order.id), &json!({"reason": "too late"})).await
}

async fn send_back(f: &Fixture, order: &Order, quantity: u32) -> shop_testkit::http::Answer {
    let line = json!({"product_id": order.lines[0].product_id, "quantity": quantity});
    f.post(&format!("/v1/orders/{}/returns", order.id), &json!({"lines": [line], "reason": "too small"}))
        .await
}

async fn receive(f: &Fixture, order: &Order) -> shop_testkit::http::Answer {
    let return_id = order.returns.last().unwrap().id;
    let path = format!("/v1/staff/orders/{}/returns/{return_id}/receive", order.id);
    f.post(&path, &json!({"actor": "robin"})).await
}

async fn events(f: &Fixture, kind: &'static str) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE kind = $1").bind(kind);
    count.fetch_one(&f.db.pool).await.unwrap()
}

#[tokio::test]
async fn a_cancelled_order_gives_all_money_and_pieces_back_once() {
    let f = fixture().await;
    let order = f.paid(&three_pieces()).await;
    assert!(order.can_cancel);
    let cancelled: Order = cancel(&f, &order).await.json();
    assert_eq!((cancelled.status, cancelled.can_cancel), (OrderStatus::Cancelled, false));
    assert_eq!(cancelled.refunds[0].status, RefundStatus::Refunded);
    let again: Order = cancel(&f, &order).await.json();
    assert_eq!(again, cancelled);
    {
        let world = f.peers.0.lock().unwrap();
        assert_eq!(world.refunded.values().copied().collect::<Vec<_>>(), [order.total.amount_minor]);
        assert_eq!(world.restocked.values().copied().collect::<Vec<_>>(), [3]);
    }
    assert_eq!((events(&f, "order.cancelled").await, events(&f, "order.refunded").await), (1, 1));
    let done = ["placed", "confirmed", "cancelled", "refunded"].map(str::to_owned);
    assert_eq!(f.history(order.id).await.into_iter().map(|(_, action)| action).collect::<Vec<_>>(), done);
}

#[tokio::test]
async fn ten_cancels_at_once_give_the_money_back_once() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    let answers = futures::future::join_all((0..10).map(|_| cancel(&f, &order))).await;
    assert!(answers.iter().all(|a| a.status.is_success()));
    assert_eq!(f.peers.0.lock().unwrap().refunded.values().sum::<i64>(), order.total.amount_minor);
}

#[tokio::test]
async fn a_crash_at_any_step_of_giving_back_is_made_good_once() {
    for peer in ["refund", "restock"] {
        for lost in ["call", "answer"] {
            let f = fixture().await;
            let order = f.paid(&body()).await;
            {
                let mut world = f.peers.0.lock().unwrap();
                let failing = if lost == "call" { &mut world.fail_before } else { &mut world.fail_after };
                failing.insert(peer, 1);
            }
            let cancelled: Order = cancel(&f, &order).await.json();
            assert_eq!(cancelled.status, OrderStatus::Cancelled, "{peer} {lost}");
            assert_eq!(f.resume_after(60).await, 1, "{peer} {lost}");
            let world = f.peers.0.lock().unwrap();
            assert_eq!(world.refunded.values().sum::<i64>(), order.total.amount_minor, "{peer} {lost}");
            assert_eq!(world.restocked.values().sum::<u32>(), 1, "{peer} {lost}");
            assert_eq!((world.refunded.len(), world.restocked.len()), (1, 1), "{peer} {lost}");
        }
    }
}

#[tokio::test]
async fn only_a_paid_order_that_has_not_left_is_cancelled() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert("authorise", 1);
    let pending: Order = f.place("pending", &body()).await.json();
    assert_eq!(cancel(&f, &pending).await.code(), "conflict");
    f.peers.0.lock().unwrap().declines = true;
    let declined: Order = f.place("declined", &body()).await.json();
    assert_eq!(cancel(&f, &declined).await.code(), "conflict");
    f.peers.0.lock().unwrap().declines = false;
    let shipped = f.paid(&body()).await;
    assert!(f.ship(shipped.id).await.status.is_success());
    assert_eq!(cancel(&f, &shipped).await.code(), "conflict");
    assert!(f.peers.0.lock().unwrap().refunded.is_empty());
}

#[tokio::test]
async fn a_cancelled_order_is_never_shipped_and_a_race_has_one_winner() {
    let f = fixture().await;
    for _ in 0..5 {
        let order = f.paid(&body()).await;
        let (cancelled, shipped) = tokio::join!(cancel(&f, &order), f.ship(order.id));
        assert!(cancelled.status.is_success() != shipped.status.is_success());
        let end = f.order(order.id).await;
        assert_eq!(end.shipment.is_some(), end.status == OrderStatus::Confirmed);
    }
}

#[tokio::test]
async fn pieces_that_come_back_are_paid_back_and_go_on_sale() {
    let f = fixture().await;
    let order = f.paid(&three_pieces()).await;
    assert!(!order.can_return);
    f.ship(order.id).await;
    assert!(f.order(order.id).await.can_return);
    let announced: Order = send_back(&f, &order, 2).await.json();
    assert_eq!(announced.returns[0].status, ReturnStatus::Requested);
    assert!(announced.refunds.is_empty(), "the money follows the pieces");
    let received: Order = receive(&f, &announced).await.json();
    assert_eq!(received.returns[0].status, ReturnStatus::Received);
    assert_eq!(received.refunds[0].amount.amount_minor, 2 * order.lines[0].unit_price.amount_minor);
    assert_eq!(receive(&f, &announced).await.json::<Order>(), received, "once");
    assert_eq!(f.peers.0.lock().unwrap().restocked.values().sum::<u32>(), 2);
    assert_eq!(send_back(&f, &order, 2).await.code(), "conflict", "one piece is left");
    let rest: Order = send_back(&f, &order, 1).await.json();
    assert!(!rest.can_return);
    assert_eq!(events(&f, "order.return_requested").await, 2);
}

#[tokio::test]
async fn the_same_key_announces_a_return_once() {
    let f = fixture().await;
    let order = f.paid(&three_pieces()).await;
    f.ship(order.id).await;
    let path = format!("/v1/orders/{}/returns", order.id);
    let line = |quantity| json!({"lines": [{"product_id": order.lines[0].product_id, "quantity": quantity}]});
    for _ in 0..2 {
        let answer = shop_testkit::http::post(&f.router, &path, "r", &line(1)).await;
        assert_eq!(answer.json::<Order>().returns.len(), 1);
    }
    let other = shop_testkit::http::post(&f.router, &path, "r", &line(2)).await;
    assert_eq!(other.code(), "key_reused");
}

#[tokio::test]
async fn sixty_days_are_sixty_days() {
    let f = fixture().await;
    let order = f.paid(&three_pieces()).await;
    f.ship(order.id).await;
    f.clock.advance_seconds(RETURN_DAYS * DAY_SECONDS);
    assert!(send_back(&f, &order, 1).await.status.is_success(), "the last second counts");
    f.clock.advance_seconds(1);
    assert_eq!(send_back(&f, &order, 1).await.code(), "conflict");
    assert!(!f.order(order.id).await.can_return);
}

#[tokio::test]
async fn wrong_returns_are_told_apart() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    assert_eq!(send_back(&f, &order, 1).await.code(), "conflict", "it has not left");
    f.ship(order.id).await;
    assert_eq!(send_back(&f, &order, 0).await.code(), "invalid");
    assert_eq!(send_back(&f, &order, 2).await.code(), "conflict");
    let path = format!("/v1/orders/{}/returns", order.id);
    let foreign = json!({"lines": [{"product_id": uuid::Uuid::nil(), "quantity": 1}]});
    assert_eq!(f.post(&path, &foreign).await.code(), "conflict");
    assert_eq!(f.post(&path, &json!({"lines": []})).await.code(), "invalid");
}

#[tokio::test]
async fn a_refund_that_is_refused_waits_for_a_person_and_is_asked_for_under_another_key() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    f.peers.0.lock().unwrap().refuses.push("refund");
    let cancelled: Order = cancel(&f, &order).await.json();
    assert_eq!(cancelled.refunds[0].status, RefundStatus::Failed);
    assert_eq!(f.resume_after(60).await, 0);
    let page: Value =
        shop_testkit::http::get(&f.router, "/v1/staff/orders?status=manual_review").await.json();
    assert_eq!(page["orders"][0]["id"], json!(order.id));
    f.peers.0.lock().unwrap().refuses.clear();
    let retry = json!({"actor": "robin", "resolution": "retry", "note": "the provider is back"});
    let path = format!("/v1/staff/orders/{}/resolve", order.id);
    let resolved: Order = f.post(&path, &retry).await.json();
    assert_eq!(resolved.refunds[0].status, RefundStatus::Refunded);
    let world = f.peers.0.lock().unwrap();
    let key = world.refunded.keys().next().unwrap();
    assert_ne!(*key, resolved.refunds[0].id.to_string());
    assert_eq!((world.refunded.len(), world.restocked.len()), (1, 1));
}

#[tokio::test]
async fn a_refund_that_never_answers_waits_for_a_person_and_keeps_its_key() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    // Given back, but no answer ever came.
    f.peers.0.lock().unwrap().fail_after.insert("refund", ALWAYS);
    cancel(&f, &order).await;
    f.resume_after(2 * DAY_SECONDS).await;
    let waits = f.order(order.id).await;
    assert_eq!((waits.refunds[0].status, waits.refunds[0].needs_person), (RefundStatus::Pending, true));
    assert_eq!(waits.refundable().amount_minor, 0, "it counts as given back while nobody knows");
    f.peers.0.lock().unwrap().fail_after.clear();
    let retry = json!({"actor": "robin", "resolution": "retry", "note": "looked at it"});
    let resolved: Order = f.post(&format!("/v1/staff/orders/{}/resolve", order.id), &retry).await.json();
    assert_eq!(resolved.refunds[0].status, RefundStatus::Refunded);
    assert_eq!(f.peers.0.lock().unwrap().refunded.len(), 1, "never twice");
}
