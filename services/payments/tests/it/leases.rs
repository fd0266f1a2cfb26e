//! Who lost a row's lease writes nothing about it any more, and nobody holds more rows than it works on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use shop_contracts::payments::NewAuthorisation;
use shop_instrumentation::clock::Clock as _;
use shop_payments::operation::Settled;
use shop_payments::payments::{Limits, Payments};
use shop_payments::storage::begin::Turn;

use crate::recording::{Answers, Recording};
use crate::{Fixture, body, fixture, order};

/// Calls that are given up on late, so that only the test's clock ends a lease.
fn recorded(f: &Fixture) -> (Payments, Arc<Recording>) {
    let provider = Arc::new(Recording::new());
    let limits = Limits { call: Duration::from_secs(20), ..Limits::default() };
    (Payments { limits, ..f.with_provider(provider.clone()) }, provider)
}

fn request(order: shop_contracts::OrderId) -> NewAuthorisation {
    serde_json::from_value(body(order, 700, "tok_visa")).unwrap()
}

/// A hold whose answer does not come.
async fn lost_hold(payments: &Payments) {
    let order = order();
    payments.authorise(&order.to_string(), request(order)).await.unwrap_err();
}

async fn leased(f: &Fixture) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM payment_operations WHERE lease_until > $1")
        .bind(f.clock.now())
        .fetch_one(&f.db.pool)
        .await
        .unwrap()
}

/// A round that waits at the provider's books.
fn round(payments: &Payments) -> tokio::task::JoinHandle<()> {
    let payments = payments.clone();
    tokio::spawn(async move {
        payments.reconcile().await.unwrap();
    })
}

/// A round that has begun to look a lost hold up, and waits at the provider's books.
async fn looked_for(f: &Fixture, payments: &Payments, provider: &Recording) -> tokio::task::JoinHandle<()> {
    provider.answers(Answers::Lost);
    lost_hold(payments).await;
    provider.books_shut.store(true, Ordering::SeqCst);
    f.clock.advance_seconds(9);
    let round = round(payments);
    provider.looking.acquire().await.unwrap().forget();
    round
}

#[tokio::test]
async fn rows_are_claimed_only_when_somebody_is_free_to_work_on_them() {
    let f = fixture().await;
    let (payments, provider) = recorded(&f);
    provider.answers(Answers::Lost);
    for _ in 0..30 {
        lost_hold(&payments).await;
    }
    provider.answers(Answers::Arrive);
    provider.books_shut.store(true, Ordering::SeqCst);
    f.clock.advance_seconds(9);
    let round = round(&payments);
    provider.looking.acquire_many(8).await.unwrap().forget();
    assert_eq!(leased(&f).await, 8, "the others are free for the other instance");
    provider.books_shut.store(false, Ordering::SeqCst);
    provider.books_gate.add_permits(8);
    round.await.unwrap();
    let open = "SELECT count(*) FROM payment_operations WHERE state IN ('requested', 'unknown')";
    let open: i64 = sqlx::query_scalar(open).fetch_one(&f.db.pool).await.unwrap();
    assert_eq!(open, 8, "the round went on with the others");
}

#[tokio::test]
async fn a_lease_outlives_a_look_up_and_the_call_that_follows_it() {
    let f = fixture().await;
    let (payments, provider) = recorded(&f);
    let round = looked_for(&f, &payments, &provider).await;
    f.clock.advance(chrono::Duration::from_std(2 * payments.limits.call).unwrap());
    assert_eq!(leased(&f).await, 1);
    provider.books_gate.add_permits(1);
    round.await.unwrap();
}

#[tokio::test]
async fn who_lost_an_operation_does_not_put_it_off_under_its_new_owner() {
    let f = fixture().await;
    let (payments, provider) = recorded(&f);
    let late = looked_for(&f, &payments, &provider).await;
    f.clock.advance_seconds(3600);
    let turn = Turn { now: f.clock.now(), lease: chrono::Duration::seconds(30) };
    assert_eq!(payments.store.claim_operations(1, turn).await.unwrap().len(), 1);
    provider.books_gate.add_permits(10);
    late.await.unwrap();
    assert_eq!(leased(&f).await, 1, "the new owner is still at it");
}

/// One instance finds nothing at the provider; while it looked, the other one heard that money is held.
#[tokio::test]
async fn a_late_nothing_does_not_close_an_abandoned_order_whose_hold_was_heard_of_meanwhile() {
    let f = fixture().await;
    let (payments, provider) = recorded(&f);
    let order = order();
    let impatient = Payments {
        limits: Limits { call: Duration::from_millis(50), ..payments.limits },
        ..payments.clone()
    };
    provider.answers(Answers::Gated);
    impatient.authorise("k", request(order)).await.unwrap_err();
    provider.answers(Answers::Arrive);
    f.clock.advance_seconds(60);
    payments.reconcile().await.unwrap();
    let hold = payments.store.find_hold(order).await.unwrap().unwrap();
    assert_eq!(hold.state.as_str(), "failed");
    payments.store.abandon(order, f.clock.now()).await.unwrap();
    f.clock.advance(chrono::Duration::hours(25));
    provider.books_hold.store(true, Ordering::SeqCst);
    let late = round(&payments);
    provider.looking.acquire().await.unwrap().forget();
    let found = Settled::Succeeded { reference: Some("late".to_owned()) };
    assert!(payments.store.finish(&hold, &found, f.clock.now()).await.unwrap());
    provider.books_gate.add_permits(10);
    late.await.unwrap();
    let open = "SELECT count(*) FROM abandoned_orders WHERE settled_at IS NULL";
    let open: i64 = sqlx::query_scalar(open).fetch_one(&f.db.pool).await.unwrap();
    assert_eq!(open, 1, "its money is still to be given back");
}
