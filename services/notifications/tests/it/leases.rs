use std::sync::Arc;
use std::time::Duration;

use shop_contracts::events::OrderEventKind;
use shop_notifications::lease::{LENGTH, Lease};
use shop_notifications::workers::{consume_once, reclaim_once};
use shop_testkit::eventually;

use crate::stage::{Consumer, Gate, Recording, Stage};

/// A lease that is looked after often, so that a clock that jumps finds it extended.
const LEASE: Lease = Lease { length: LENGTH, extend_every: Duration::from_millis(10) };

fn with_lease(mut consumer: Consumer) -> Consumer {
    consumer.notifications.lease = LEASE;
    consumer
}

/// Whether the event is left alone at the stage's present time.
async fn is_leased(stage: &Stage) -> bool {
    use shop_instrumentation::clock::Clock as _;
    let soon = stage.clock.now() + chrono::TimeDelta::seconds(10);
    sqlx::query_scalar("SELECT bool_and(lease_until > $1) FROM deliveries")
        .bind(soon)
        .fetch_one(&stage.db.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn sending_longer_than_a_lease_beside_another_consumer_is_still_one_mail() {
    let stage = Stage::set().await;
    let slow = Arc::new(Gate::default());
    let quick = Recording::answering(|| Ok(()));
    let one = with_lease(stage.consumer_with("one", slow.clone()));
    let two = with_lease(stage.consumer_with("two", quick.clone()));
    let event = stage.event(OrderEventKind::Confirmed);
    stage.publish(&event).await;
    let notifications = one.notifications.clone();
    let sending = tokio::spawn(async move { while consume_once(&notifications).await.unwrap() == 0 {} });
    slow.begun.notified().await;
    // Four times ten seconds: more than twice the lease.
    for _ in 0..4 {
        stage.clock.advance_seconds(10);
        eventually("the lease is extended", || is_leased(&stage)).await;
        assert_eq!(reclaim_once(&two.notifications, Duration::ZERO).await.unwrap(), 1);
    }
    slow.go_on.notify_one();
    sending.await.unwrap();
    assert_eq!((slow.finished(), quick.taken()), (vec![event.id], vec![]), "one mail, by the first");
    reclaim_once(&two.notifications, Duration::ZERO).await.unwrap();
    stage.clock.advance_seconds(60);
    reclaim_once(&two.notifications, Duration::ZERO).await.unwrap();
    assert_eq!((quick.taken().len(), stage.pending().await), (0, 0));
}

#[tokio::test]
async fn whoever_lost_the_lease_stops_sending() {
    let stage = Stage::set().await;
    let slow = Arc::new(Gate::default());
    let one = with_lease(stage.consumer_with("one", slow.clone()));
    let event = stage.event(OrderEventKind::Confirmed);
    stage.publish(&event).await;
    let notifications = one.notifications.clone();
    let sending = tokio::spawn(async move { while consume_once(&notifications).await.unwrap() == 0 {} });
    slow.begun.notified().await;
    // As another consumer would after a pause of this one's whole process.
    sqlx::query("UPDATE deliveries SET attempts = attempts + 1").execute(&stage.db.pool).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), sending).await.expect("it stops").unwrap();
    assert_eq!((slow.finished().len(), stage.pending().await), (0, 1), "the entry is left to whoever has it");
    assert_eq!(one.sent("order_confirmed", "sent"), 0.0);
}
