//! Nobody is written to more than a few times an hour because somebody types their address beside bad cards.

use std::time::Duration;

use shop_contracts::events::{OrderEvent, OrderEventKind};
use shop_instrumentation::faults::Activate;
use shop_notifications::quota::MOST;
use shop_notifications::telemetry::ERRORS;
use shop_notifications::workers::{consume_once, reclaim_once};

use crate::stage::{Consumer, Stage};

async fn declined(stage: &Stage, consumer: &Consumer, email: &str) -> OrderEvent {
    let event = OrderEvent { email: email.to_owned(), ..stage.event(OrderEventKind::Declined) };
    stage.publish(&event).await;
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    event
}

#[tokio::test]
async fn an_address_gets_a_few_mails_about_declined_cards_an_hour() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    for n in 0..MOST + 3 {
        declined(&stage, &consumer, if n % 2 == 0 { "kim@example.com" } else { "KIM@example.com" }).await;
    }
    assert_eq!((stage.mails().len() as u64, stage.pending().await), (MOST, 0));
    assert_eq!(consumer.sent("order_declined", "withheld"), 3.0);
    let withheld: i64 =
        sqlx::query_scalar("SELECT count(*) FROM deliveries WHERE withheld AND sent_at IS NOT NULL")
            .fetch_one(&stage.db.pool)
            .await
            .unwrap();
    assert_eq!(withheld, 3);
    declined(&stage, &consumer, "robin@example.com").await;
    assert_eq!(stage.mails().len() as u64, MOST + 1, "another address has its own");
    let confirmed = stage.event(OrderEventKind::Confirmed);
    stage.publish(&confirmed).await;
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    assert_eq!(stage.mails().len() as u64, MOST + 2, "what was bought is told however much was declined");
    stage.clock.advance_seconds(60 * 60 + 1);
    declined(&stage, &consumer, "kim@example.com").await;
    assert_eq!(stage.mails().len() as u64, MOST + 3, "the hour is over");
}

/// The same event, delivered again, is neither counted twice nor withheld because of those that came after it.
#[tokio::test]
async fn an_event_that_comes_again_counts_once() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    let faults = &consumer.notifications.faults;
    faults.activate(ERRORS, Activate { ttl_seconds: 60, ratio: 1.0, delay_ms: 0 }).unwrap();
    let first = declined(&stage, &consumer, "kim@example.com").await;
    for _ in 0..3 {
        reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    }
    faults.deactivate(ERRORS).unwrap();
    for _ in 1..MOST {
        declined(&stage, &consumer, "kim@example.com").await;
    }
    reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    assert!(stage.mail_text(&first).contains("could not be paid"));
    assert_eq!((stage.mails().len() as u64, stage.pending().await), (MOST, 0));
}
