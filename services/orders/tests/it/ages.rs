//! Pending has an end: every step has an age limit and a defined ending.

use serde_json::{Value, json};
use shop_contracts::OrderId;
use shop_contracts::orders::{Order, OrderStatus};
use shop_orders::workers;

use crate::fixture::{Fixture, body, fixture};

const LONG_AGO_SECONDS: i64 = 2 * 60 * 60;
const ALWAYS: u32 = u32::MAX;

/// An order that stays pending because `peer` never answers.
async fn stuck_at(peer: &'static str) -> (Fixture, OrderId) {
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert(peer, ALWAYS);
    let order: Order = f.place("k", &body()).await.json();
    assert_eq!(order.status, OrderStatus::Pending, "{peer}");
    (f, order.id)
}

async fn status_and_reason(f: &Fixture, id: OrderId) -> (OrderStatus, Option<String>) {
    let order = f.order(id).await;
    (order.status, order.reason)
}

#[tokio::test]
async fn a_reservation_that_is_too_old_rejects_the_order() {
    let (f, id) = stuck_at("reserve").await;
    f.resume_after(60).await;
    assert_eq!(f.order(id).await.status, OrderStatus::Pending, "it is not too old yet");
    f.resume_after(LONG_AGO_SECONDS).await;
    assert_eq!(status_and_reason(&f, id).await, (OrderStatus::Rejected, Some("stock_timeout".to_owned())));
}

#[tokio::test]
async fn an_authorisation_that_is_too_old_is_abandoned_and_the_stock_given_back() {
    let (f, id) = stuck_at("authorise").await;
    f.resume_after(LONG_AGO_SECONDS).await;
    assert_eq!(status_and_reason(&f, id).await, (OrderStatus::Rejected, Some("payment_timeout".to_owned())));
    let world = f.peers.0.lock().unwrap();
    assert_eq!((world.abandoned.len(), world.released.len(), world.captured.len()), (1, 1, 0));
}

#[tokio::test]
async fn a_confirmation_that_is_too_old_gives_back_money_and_stock() {
    let (f, id) = stuck_at("confirm").await;
    f.resume_after(LONG_AGO_SECONDS).await;
    assert_eq!(status_and_reason(&f, id).await, (OrderStatus::Rejected, Some("stock_timeout".to_owned())));
    let world = f.peers.0.lock().unwrap();
    assert_eq!((world.voided.len(), world.released.len(), world.captured.len()), (1, 1, 0));
}

#[tokio::test]
async fn a_capture_that_is_too_old_waits_for_a_person_and_is_not_confirmed() {
    let (f, id) = stuck_at("capture").await;
    f.resume_after(LONG_AGO_SECONDS).await;
    let end = status_and_reason(&f, id).await;
    assert_eq!(end, (OrderStatus::ManualReview, Some("capture_timeout".to_owned())));
    assert_eq!(f.resume_after(LONG_AGO_SECONDS).await, 0, "no program goes on with it");
}

#[tokio::test]
async fn a_capture_that_succeeds_late_is_a_sale_all_the_same() {
    let (f, id) = stuck_at("capture").await;
    f.peers.0.lock().unwrap().fail_before.clear();
    f.resume_after(LONG_AGO_SECONDS).await;
    assert_eq!(f.order(id).await.status, OrderStatus::Confirmed);
}

#[tokio::test]
async fn a_capture_that_is_refused_for_good_waits_for_a_person_at_once() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().refuses.push("capture");
    let order: Order = f.place("k", &body()).await.json();
    assert_eq!((order.status, order.reason.as_deref()), (OrderStatus::ManualReview, Some("capture_failed")));
    assert_eq!(f.scalar("SELECT count(*) FROM outbox WHERE kind = 'order.confirmed'").await, 0);
}

#[tokio::test]
async fn walking_back_that_is_too_old_waits_for_a_person() {
    for (peer, prepare, why) in [
        ("release", "decline", "release_timeout"),
        ("void", "gone", "void_timeout"),
        ("abandon", "silent card", "abandon_timeout"),
    ] {
        let f = fixture().await;
        {
            let mut world = f.peers.0.lock().unwrap();
            world.fail_before.insert(peer, ALWAYS);
            match prepare {
                "decline" => world.declines = true,
                "gone" => {
                    world.fail_before.insert("confirm", 1);
                }
                _ => {
                    world.fail_before.insert("authorise", ALWAYS);
                }
            }
        }
        let order: Order = f.place("k", &body()).await.json();
        if prepare == "gone" {
            let mut world = f.peers.0.lock().unwrap();
            let held: Vec<_> = world.held.values().copied().collect();
            world.released.extend(held);
        }
        f.resume_after(if prepare == "silent card" { LONG_AGO_SECONDS } else { 60 }).await;
        assert_eq!(f.order(order.id).await.status, OrderStatus::Pending, "{peer}");
        f.resume_after(LONG_AGO_SECONDS).await;
        let end = status_and_reason(&f, order.id).await;
        assert_eq!(end, (OrderStatus::ManualReview, Some(why.to_owned())), "{peer}");
    }
}

#[tokio::test]
async fn orders_that_need_a_person_are_counted_listed_and_told() {
    let (f, id) = stuck_at("capture").await;
    f.resume_after(LONG_AGO_SECONDS).await;
    workers::measure(&f.saga).await.unwrap();
    assert!((f.saga.metrics.manual_review.get() - 1.0).abs() < f64::EPSILON);
    let page: Value =
        shop_testkit::http::get(&f.router, "/v1/staff/orders?status=manual_review").await.json();
    assert_eq!(page["orders"][0]["id"], json!(id));
    assert!(f.history(id).await.contains(&("system".to_owned(), "manual_review".to_owned())));
}

#[tokio::test]
async fn a_person_lets_the_capture_be_tried_again() {
    let (f, id) = stuck_at("capture").await;
    f.resume_after(LONG_AGO_SECONDS).await;
    f.peers.0.lock().unwrap().fail_before.clear();
    let path = format!("/v1/staff/orders/{id}/resolve");
    let retry = json!({"actor": "robin", "resolution": "retry", "note": "the provider is back"});
    let order: Order = f.post(&path, &retry).await.json();
    assert_eq!((order.status, order.reason), (OrderStatus::Confirmed, None));
    assert_eq!(f.post(&path, &retry).await.code(), "conflict", "it does not wait any more");
    assert_eq!(f.peers.0.lock().unwrap().captured.len(), 1);
    assert!(f.history(id).await.contains(&("robin".to_owned(), "resolved".to_owned())));
}

#[tokio::test]
async fn a_person_walks_an_order_back_whose_money_was_not_taken() {
    let (f, id) = stuck_at("capture").await;
    f.resume_after(LONG_AGO_SECONDS).await;
    let path = format!("/v1/staff/orders/{id}/resolve");
    let cancel = json!({"actor": "robin", "resolution": "cancel", "note": "the shopper asked"});
    let order: Order = f.post(&path, &cancel).await.json();
    assert_eq!(order.status, OrderStatus::Cancelled);
    let world = f.peers.0.lock().unwrap();
    assert_eq!((world.voided.len(), world.refunded.len(), world.restocked.len()), (1, 0, 1));
}

#[tokio::test]
async fn a_person_walks_an_order_back_whose_money_was_taken_after_all() {
    let f = fixture().await;
    // Captured, but the answer never came.
    f.peers.0.lock().unwrap().fail_after.insert("capture", ALWAYS);
    let order: Order = f.place("k", &body()).await.json();
    f.resume_after(LONG_AGO_SECONDS).await;
    let path = format!("/v1/staff/orders/{}/resolve", order.id);
    let cancel = json!({"actor": "robin", "resolution": "cancel", "note": "the shopper asked"});
    let order: Order = f.post(&path, &cancel).await.json();
    assert_eq!(order.status, OrderStatus::Cancelled);
    let world = f.peers.0.lock().unwrap();
    assert_eq!(world.refunded.values().sum::<i64>(), order.total.amount_minor);
    assert_eq!((world.voided.len(), world.restocked.values().sum::<u32>()), (0, 1));
}
