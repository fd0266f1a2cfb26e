//! What was taken, what may be given back, and what is told of it.

use serde_json::{Value, json};
use shop_contracts::orders::{Order, OrderStatus, RefundStatus};
use shop_testkit::http;

use crate::fixture::{Fixture, body, fixture};

const DAY_SECONDS: i64 = 24 * 60 * 60;
const LONG_AGO_SECONDS: i64 = 2 * 60 * 60;
const ALWAYS: u32 = u32::MAX;

async fn goodwill(f: &Fixture, order: &Order, key: &str, minor: i64) -> http::Answer {
    let amount = json!({"amount_minor": minor, "currency": order.total.currency});
    let body = json!({"actor": "robin", "amount": amount, "reason": "it was late"});
    http::post(&f.router, &format!("/v1/staff/orders/{}/refunds", order.id), key, &body).await
}

async fn shown(f: &Fixture, order: &Order) -> Value {
    http::get(&f.router, &format!("/v1/orders/{}", order.id)).await.json()
}

async fn events(f: &Fixture, kind: &'static str) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE kind = $1").bind(kind);
    count.fetch_one(&f.db.pool).await.unwrap()
}

fn actions(history: Vec<(String, String)>) -> Vec<String> {
    history.into_iter().map(|(_, action)| action).collect()
}

/// An order in review at its capture, of which nobody knows whether it happened.
async fn at_capture(f: &Fixture) -> Order {
    f.peers.0.lock().unwrap().capture_undecided = true;
    let order: Order = f.place("k", &body()).await.json();
    f.resume_after(LONG_AGO_SECONDS).await;
    assert_eq!(f.order(order.id).await.status, OrderStatus::ManualReview);
    order
}

#[tokio::test]
async fn a_refund_whose_answer_is_unknown_counts_as_given_back() {
    let f = fixture().await;
    let order = f.paid(&body()).await;
    f.peers.0.lock().unwrap().fail_after.insert("refund", ALWAYS);
    goodwill(&f, &order, "a", order.total.amount_minor).await;
    f.resume_after(2 * DAY_SECONDS).await;
    f.peers.0.lock().unwrap().fail_after.clear();
    let seen = shown(&f, &order).await;
    assert_eq!(seen["refunds"][0]["status"], "pending", "nobody refused it");
    assert_eq!((&seen["needs_person"], &seen["refunds"][0]["needs_person"]), (&json!(true), &json!(true)));
    assert_eq!(f.order(order.id).await.refundable().amount_minor, 0);
    assert_eq!(goodwill(&f, &order, "b", 1).await.code(), "conflict", "the same money goes back once");
    let resolved: Order = f.resolve(order.id, "retry").await.json();
    assert_eq!(resolved.refunds[0].status, RefundStatus::Refunded);
    let given: Vec<i64> = f.peers.0.lock().unwrap().refunded.values().copied().collect();
    assert_eq!(given, [order.total.amount_minor]);
}

#[tokio::test]
async fn a_hold_that_was_let_go_of_is_told_as_that_and_never_as_a_refund() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert("capture", ALWAYS);
    let order: Order = f.place("k", &body()).await.json();
    f.resume_after(LONG_AGO_SECONDS).await;
    assert!(f.resolve(order.id, "cancel").await.status.is_success());
    let end = f.order(order.id).await;
    assert_eq!((end.status, end.refunds.len()), (OrderStatus::Cancelled, 0), "{:?}", end.refunds);
    assert_eq!((events(&f, "order.cancelled").await, events(&f, "order.refunded").await), (1, 0));
    let actions = actions(f.history(order.id).await);
    assert_eq!(actions, ["placed", "manual_review", "resolved", "voided"]);
    assert_eq!(f.scalar("SELECT amount_minor + tax_minor FROM give_backs").await, 0);
}

#[tokio::test]
async fn only_what_was_captured_can_be_refunded() {
    // A declined card whose stock could not be given back: walked back by a person, and no money was ever held.
    let f = fixture().await;
    {
        let mut world = f.peers.0.lock().unwrap();
        world.declines = true;
        world.fail_before.insert("release", ALWAYS);
    }
    let order: Order = f.place("k", &body()).await.json();
    f.resume_after(LONG_AGO_SECONDS).await;
    f.peers.0.lock().unwrap().fail_before.clear();
    assert!(f.resolve(order.id, "cancel").await.status.is_success());
    let end = f.order(order.id).await;
    assert_eq!(
        (end.status, end.took_money(), end.refundable().amount_minor),
        (OrderStatus::Cancelled, false, 0)
    );
    assert_eq!(goodwill(&f, &order, "a", 1).await.code(), "conflict");
    // A hold that was let go of.
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert("capture", ALWAYS);
    let order: Order = f.place("k", &body()).await.json();
    f.resume_after(LONG_AGO_SECONDS).await;
    f.resolve(order.id, "cancel").await;
    assert_eq!(goodwill(&f, &order, "a", 1).await.code(), "conflict");
    // Money that was taken and given back.
    let f = fixture().await;
    let order = f.paid(&body()).await;
    assert_eq!(shown(&f, &order).await["captured"]["amount_minor"], order.total.amount_minor);
    f.post(&format!("/v1/orders/{}/cancel", order.id), &json!({})).await;
    let end = f.order(order.id).await;
    assert_eq!((end.took_money(), end.refundable().amount_minor), (true, 0));
}

/// Payments looks for the capture's answer when a person walks the order back, and finds that the money was taken.
#[tokio::test]
async fn an_order_that_is_walked_back_before_its_capture_is_known_gives_taken_money_back() {
    let f = fixture().await;
    let order = at_capture(&f).await;
    let walked: Order = f.resolve(order.id, "cancel").await.json();
    assert_eq!((walked.status, walked.refundable().amount_minor), (OrderStatus::Cancelled, 0));
    assert_eq!(
        f.scalar("SELECT count(*) FROM give_backs WHERE review IS NOT NULL").await,
        0,
        "it comes again"
    );
    {
        let mut world = f.peers.0.lock().unwrap();
        let held: Vec<_> = world.authorised.values().copied().collect();
        world.captured.extend(held);
        world.capture_undecided = false;
    }
    f.resume_after(60).await;
    let end = f.order(order.id).await;
    assert_eq!((end.refunds[0].status, end.refunds[0].amount), (RefundStatus::Refunded, order.total));
    let world = f.peers.0.lock().unwrap();
    assert_eq!(world.refunded.values().copied().collect::<Vec<_>>(), [order.total.amount_minor]);
    assert!(world.voided.is_empty());
}

#[tokio::test]
async fn an_order_that_is_walked_back_before_its_capture_is_known_lets_held_money_go() {
    let f = fixture().await;
    let order = at_capture(&f).await;
    f.resolve(order.id, "cancel").await;
    f.peers.0.lock().unwrap().capture_undecided = false;
    f.resume_after(60).await;
    let end = f.order(order.id).await;
    assert_eq!((end.status, end.took_money()), (OrderStatus::Cancelled, false));
    let world = f.peers.0.lock().unwrap();
    assert_eq!((world.voided.len(), world.refunded.len(), world.restocked.len()), (1, 0, 1));
}
