//! Every way out of review: tried again, walked back, settled by hand. Each names who and why.

use std::sync::Arc;

use serde_json::{Value, json};
use shop_contracts::orders::{Order, OrderStatus, RefundStatus};
use shop_orders::workers;
use shop_testkit::eventually;
use tokio::sync::Semaphore;

use crate::fixture::{Fixture, body, fixture};

const ALWAYS: u32 = u32::MAX;

async fn cancel(f: &Fixture, order: &Order) -> Order {
    f.post(&format!("/v1/orders/{}/cancel", order.id), &json!({})).await.json()
}

async fn waiting(f: &Fixture) -> u64 {
    workers::measure(&f.saga).await.unwrap();
    f.saga.metrics.manual_review.get() as u64
}

#[tokio::test]
async fn a_refund_that_was_settled_by_hand_is_given_back_and_asked_of_nobody() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    f.peers.0.lock().unwrap().refuses.push("refund");
    cancel(&f, &order).await;
    assert_eq!((f.calls("refund"), waiting(&f).await), (1, 1));
    let without_note = json!({"actor": "robin", "resolution": "settled", "note": " "});
    let path = format!("/v1/staff/orders/{}/resolve", order.id);
    assert!(f.post(&path, &without_note).await.text().contains("note"));
    let end: Order = f.resolve(order.id, "settled").await.json();
    assert_eq!((end.refunds[0].status, end.refundable().amount_minor), (RefundStatus::Refunded, 0));
    assert_eq!((f.calls("refund"), waiting(&f).await), (1, 0));
    assert_eq!(f.peers.0.lock().unwrap().restocked.len(), 1, "programs go on with the pieces");
    assert_eq!(f.scalar("SELECT count(*) FROM outbox WHERE kind = 'order.refunded'").await, 0);
    let history: Value =
        shop_testkit::http::get(&f.router, &format!("/v1/staff/orders/{}/history", order.id)).await.json();
    let entry = history["entries"].as_array().unwrap().iter().find(|e| e["action"] == "resolved").unwrap();
    assert_eq!(
        (&entry["actor"], &entry["detail"]),
        (&json!("robin"), &json!("settled by hand: looked at it"))
    );
    assert_eq!(f.resolve(order.id, "settled").await.code(), "conflict", "it does not wait any more");
}

#[tokio::test]
async fn pieces_that_were_booked_by_hand_end_the_give_back() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    f.peers.0.lock().unwrap().refuses.push("restock");
    cancel(&f, &order).await;
    assert_eq!(waiting(&f).await, 1);
    assert!(f.resolve(order.id, "settled").await.status.is_success());
    assert_eq!((waiting(&f).await, f.calls("restock")), (0, 1));
    assert_eq!(f.scalar("SELECT count(*) FROM give_backs WHERE step = 'done'").await, 1);
}

#[tokio::test]
async fn an_order_on_its_way_back_is_settled_by_hand_and_ends_as_it_would_have() {
    let f = fixture().await;
    {
        let mut world = f.peers.0.lock().unwrap();
        world.declines = true;
        world.refuses.push("release");
    }
    let order: Order = f.place("k", &body()).await.json();
    assert_eq!((order.status, order.reason.as_deref()), (OrderStatus::ManualReview, Some("release_failed")));
    let end: Order = f.resolve(order.id, "settled").await.json();
    assert_eq!((end.status, end.reason.as_deref()), (OrderStatus::Declined, Some("declined")));
    assert_eq!(f.scalar("SELECT count(*) FROM outbox WHERE kind = 'order.declined'").await, 1);
    let history = f.history(order.id).await;
    let actions: Vec<&str> = history.iter().map(|(_, action)| action.as_str()).collect();
    assert_eq!(actions, ["placed", "manual_review", "resolved", "declined"]);
}

#[tokio::test]
async fn a_capture_is_not_settled_by_hand() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().refuses.push("capture");
    let order: Order = f.place("k", &body()).await.json();
    let refused = f.resolve(order.id, "settled").await;
    assert_eq!(refused.code(), "conflict");
    assert!(refused.text().contains("walk it back"), "{}", refused.text());
}

#[tokio::test]
async fn a_walk_back_whose_refund_was_refused_looks_again_whether_money_is_held() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().refuses.extend(["capture", "void", "refund"]);
    let order: Order = f.place("k", &body()).await.json();
    f.resolve(order.id, "cancel").await;
    assert_eq!((f.calls("void"), f.calls("refund"), waiting(&f).await), (1, 1, 1));
    f.peers.0.lock().unwrap().refuses.clear();
    let end: Order = f.resolve(order.id, "retry").await.json();
    assert_eq!((end.status, end.refunds.len()), (OrderStatus::Cancelled, 0));
    assert_eq!((f.calls("void"), f.calls("refund"), waiting(&f).await), (2, 1, 0));
}

/// The worker took a refund up; a second press of the button finds it taken.
#[tokio::test]
async fn who_does_not_own_a_refund_does_not_ask_for_it() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    f.peers.0.lock().unwrap().fail_before.insert("refund", 1);
    cancel(&f, &order).await;
    f.clock.advance_seconds(60);
    let gate = Arc::new(Semaphore::new(0));
    f.peers.0.lock().unwrap().held_up = Some(("refund", gate.clone()));
    let worker = {
        let saga = f.saga.clone();
        tokio::spawn(async move { workers::resume(&saga).await.unwrap() })
    };
    eventually("the refund is asked for", || async { f.peers.0.lock().unwrap().is_waiting }).await;
    f.peers.0.lock().unwrap().held_up = None;
    f.clock.advance_seconds(60);
    assert_eq!(workers::resume(&f.saga).await.unwrap(), 1, "its lease ran out");
    gate.add_permits(1);
    worker.await.unwrap();
    assert_eq!(f.order(order.id).await.refunds[0].status, RefundStatus::Refunded);
    // Once the first failed, once the new owner's, once the late one's that was under way.
    assert_eq!((f.calls("refund"), f.peers.0.lock().unwrap().refunded.len()), (3, 1));
}

/// A refund that a person lets be tried again belongs to that request until its lease ends.
#[tokio::test]
async fn a_refund_that_is_tried_again_is_not_taken_up_by_the_worker_as_well() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    f.peers.0.lock().unwrap().refuses.push("refund");
    cancel(&f, &order).await;
    f.peers.0.lock().unwrap().refuses.clear();
    let gate = Arc::new(Semaphore::new(0));
    f.peers.0.lock().unwrap().held_up = Some(("refund", gate.clone()));
    let pressing = f.resolve(order.id, "retry");
    let looking = async {
        eventually("the refund is asked for", || async { f.peers.0.lock().unwrap().is_waiting }).await;
        f.peers.0.lock().unwrap().held_up = None;
        let taken = workers::resume(&f.saga).await.unwrap();
        gate.add_permits(1);
        taken
    };
    let (pressed, taken) = tokio::join!(pressing, looking);
    assert_eq!((taken, f.calls("refund")), (0, 2), "one refused, one that was asked for");
    assert_eq!(pressed.json::<Order>().refunds[0].status, RefundStatus::Refunded);
}

#[tokio::test]
async fn trying_an_order_again_touches_no_other_order() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().refuses.push("capture");
    let order: Order = f.place("mine", &body()).await.json();
    assert_eq!(order.status, OrderStatus::ManualReview);
    f.peers.0.lock().unwrap().refuses.clear();
    f.peers.0.lock().unwrap().fail_before.insert("reserve", ALWAYS);
    for i in 0..20 {
        f.place(&format!("other {i}"), &body()).await;
    }
    f.clock.advance_seconds(60);
    let before = f.calls("reserve");
    let end: Order = f.resolve(order.id, "retry").await.json();
    assert_eq!((end.status, f.calls("reserve")), (OrderStatus::Confirmed, before));
}
