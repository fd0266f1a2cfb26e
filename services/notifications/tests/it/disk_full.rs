use std::time::Duration;

use shop_contracts::events::OrderEventKind;
use shop_instrumentation::faults::Activate;
use shop_notifications::telemetry::DISK_FULL;
use shop_notifications::workers::{consume_once, reclaim_once};

use crate::stage::Stage;

#[tokio::test]
async fn without_space_mails_wait_nothing_half_written_is_left_and_none_is_lost() {
    let stage = Stage::set().await;
    let consumer = stage.consumer_on_a_full_disk("one");
    let notifications = &consumer.notifications;
    notifications.faults.activate(DISK_FULL, Activate { ttl_seconds: 60, ratio: 1.0, delay_ms: 0 }).unwrap();
    let events = [0, 1, 2].map(|_| stage.event(OrderEventKind::Confirmed));
    for event in &events {
        stage.publish(event).await;
    }
    let mut taken = 0;
    while taken < events.len() {
        taken += consume_once(notifications).await.unwrap();
    }
    for _ in 0..10 {
        reclaim_once(notifications, Duration::ZERO).await.unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(stage.folder.path()).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!((stage.pending().await, stage.dead().await.len()), (3, 0), "no reason to give up");
    assert_eq!(consumer.sent("order_confirmed", "failed"), 33.0);
    notifications.faults.deactivate(DISK_FULL).unwrap();
    reclaim_once(notifications, Duration::ZERO).await.unwrap();
    assert_eq!((stage.mails().len(), stage.pending().await), (3, 0));
    assert!(events.iter().all(|event| stage.mail_text(event).contains("kim@example.com")));
}
