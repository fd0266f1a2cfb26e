//! Crashes, silent peers, lost answers: the saga ends right, and nothing happens twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use shop_orders::workers;
use shop_testkit::eventually;
use tokio::sync::Semaphore;

use crate::fixture::{Fixture, body, fixture};

/// Lets the lease run out and takes up what is unfinished, as the other instance would.
async fn resume(f: &Fixture) -> usize {
    f.clock.advance_seconds(60);
    workers::resume(&f.saga).await.unwrap()
}

fn assert_sold_once(f: &Fixture, when: &str) {
    let world = f.peers.0.lock().unwrap();
    let counts = (world.held.len(), world.sold.len(), world.authorised.len(), world.captured.len());
    assert_eq!(counts, (1, 1, 1, 1), "{when}");
    let calls = ["reserve", "authorise", "confirm", "capture"];
    let expected = calls.map(|name| if name == when { 2 } else { 1 });
    assert_eq!(calls.map(|name| world.calls[name]), expected, "{when}: asked again once, and nobody else");
    assert!(world.released.is_empty() && world.voided.is_empty(), "{when}");
}

#[tokio::test]
async fn a_peer_that_is_away_makes_the_order_wait_and_then_sell() {
    for peer in ["reserve", "authorise", "confirm", "capture"] {
        let f = fixture().await;
        f.peers.0.lock().unwrap().fail_before.insert(peer, 1);
        let order: Value = f.place("k", &body()).await.json();
        assert_eq!(order["status"], "pending", "{peer}");
        assert_eq!(resume(&f).await, 1, "{peer}");
        assert_eq!(f.status().await, "confirmed", "{peer}");
        assert_sold_once(&f, peer);
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_counts_once() {
    for peer in ["reserve", "authorise", "confirm", "capture"] {
        let f = fixture().await;
        f.peers.0.lock().unwrap().fail_after.insert(peer, 1);
        f.place("k", &body()).await;
        resume(&f).await;
        assert_eq!(f.status().await, "confirmed", "{peer}");
        assert_sold_once(&f, peer);
    }
}

#[tokio::test]
async fn walking_back_is_finished_after_a_failure_too() {
    let f = fixture().await;
    {
        let mut world = f.peers.0.lock().unwrap();
        world.declines = true;
        world.fail_after.insert("release", 1);
    }
    f.place("k", &body()).await;
    assert_eq!(f.status().await, "pending");
    resume(&f).await;
    assert_eq!(f.status().await, "declined");
    assert_eq!(f.peers.0.lock().unwrap().released.len(), 1);
}

#[tokio::test]
async fn stock_that_expired_meanwhile_gives_the_money_back() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert("confirm", 1);
    f.place("k", &body()).await;
    {
        let mut world = f.peers.0.lock().unwrap();
        let held: Vec<_> = world.held.values().copied().collect();
        world.released.extend(held);
    }
    resume(&f).await;
    assert_eq!(f.status().await, "rejected");
    let world = f.peers.0.lock().unwrap();
    assert_eq!((world.voided.len(), world.captured.len()), (1, 0));
}

#[tokio::test]
async fn an_order_whose_owner_lives_is_left_alone() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert("reserve", 1);
    f.place("k", &body()).await;
    assert_eq!(workers::resume(&f.saga).await.unwrap(), 0, "its back-off has not passed");
}

#[tokio::test]
async fn two_instances_that_recover_at_once_do_it_once() {
    let f = fixture().await;
    for i in 0..6 {
        f.peers.0.lock().unwrap().fail_before.insert("authorise", 1);
        f.place(&format!("k{i}"), &body()).await;
    }
    f.clock.advance_seconds(60);
    assert_eq!(f.calls("authorise"), 6, "each failed once");
    let (one, two) = tokio::join!(workers::resume(&f.saga), workers::resume(&f.saga));
    assert_eq!(one.unwrap() + two.unwrap(), 6);
    let calls = ["reserve", "authorise", "confirm", "capture"].map(|name| f.calls(name));
    assert_eq!(calls, [6, 12, 6, 6], "each order has one owner");
    assert_eq!(f.scalar("SELECT count(*) FROM orders WHERE status = 'confirmed'").await, 6);
    assert_eq!(f.scalar("SELECT count(*) FROM outbox WHERE kind = 'order.confirmed'").await, 6);
}

#[tokio::test]
async fn a_step_that_fails_for_the_first_time_is_tried_again_soon_however_long_the_one_before_took() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert("authorise", 6);
    f.place("k", &body()).await;
    for _ in 0..5 {
        assert_eq!(resume(&f).await, 1);
    }
    f.peers.0.lock().unwrap().fail_before.insert("confirm", 1);
    resume(&f).await;
    assert_eq!(f.scalar("SELECT count(*) FROM orders WHERE step = 'confirm'").await, 1);
    f.clock.advance_seconds(1);
    assert_eq!(workers::resume(&f.saga).await.unwrap(), 1);
    assert_eq!(f.status().await, "confirmed");
}

#[tokio::test]
async fn orders_of_one_outage_do_not_come_back_in_one_beat() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert("reserve", 20);
    for i in 0..20 {
        f.place(&format!("k{i}"), &body()).await;
    }
    let beats = f.scalar("SELECT count(DISTINCT lease_until) FROM orders").await;
    assert!(beats > 15, "{beats} different moments of 20 orders");
}

#[tokio::test]
async fn a_call_that_hangs_holds_up_its_own_order_only() {
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert("authorise", 1);
    f.place("hangs", &body()).await;
    f.clock.advance_seconds(60);
    let gate = Arc::new(Semaphore::new(0));
    f.peers.0.lock().unwrap().held_up = Some(("authorise", gate.clone()));
    let recovery = tokio::spawn(workers::recover(f.saga.clone(), f.saga.shutdown.clone()));
    eventually("the payment side is asked", || async { f.peers.0.lock().unwrap().is_waiting }).await;
    let hung = Instant::now();
    {
        let mut world = f.peers.0.lock().unwrap();
        world.held_up = None;
        world.fail_before.insert("confirm", 1);
    }
    f.place("goes on", &body()).await;
    f.clock.advance_seconds(2);
    eventually("the other order is sold", || async {
        f.scalar("SELECT count(*) FROM orders WHERE status = 'confirmed'").await == 1
    })
    .await;
    // Shorter than a step may take: it was not the hanging call's end that let the other go on.
    assert!(hung.elapsed() < Duration::from_secs(6), "{:?}", hung.elapsed());
    f.saga.shutdown.cancel();
    gate.add_permits(1);
    recovery.await.unwrap();
}

/// An outage that many orders waited out ends: all of them are due in one moment, and each step fails at once.
#[tokio::test]
async fn many_orders_that_are_due_at_once_leave_connections_for_shoppers() {
    const MANY: usize = 40;
    let f = fixture().await;
    f.peers.0.lock().unwrap().fail_before.insert("authorise", u32::MAX);
    let keys: Vec<String> = (0..MANY).map(|i| format!("k{i}")).collect();
    let order = body();
    futures::future::join_all(keys.iter().map(|key| f.place(key, &order))).await;
    let before = f.calls("authorise");
    f.clock.advance_seconds(60);
    let recovery = tokio::spawn(workers::recover(f.saga.clone(), f.saga.shutdown.clone()));
    eventually("each is tried again", || async { f.calls("authorise") - before >= MANY as u32 }).await;
    f.peers.0.lock().unwrap().fail_before.clear();
    assert_eq!(f.place("next", &order).await.json::<serde_json::Value>()["status"], "confirmed");
    f.saga.shutdown.cancel();
    recovery.await.unwrap();
}
