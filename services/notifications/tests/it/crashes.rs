use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shop_contracts::events::OrderEventKind;
use shop_instrumentation::clock::Clock as _;
use shop_instrumentation::faults::Activate;
use shop_notifications::compose::{Mail, MailKind};
use shop_notifications::lease::LENGTH as LEASE;
use shop_notifications::mailers::{MailError, Mailer};
use shop_notifications::storage::postgres::Claim;
use shop_notifications::telemetry::ERRORS;
use shop_notifications::workers::{consume_once, reclaim_once};
use tokio::sync::Notify;

use crate::stage::{Recording, Stage};

const AFTER_LEASE: i64 = LEASE.as_secs() as i64 + 1;

/// Dies at the worst moment: the mail is out, nobody knows.
struct Dying {
    inner: Arc<dyn Mailer>,
    sent: Notify,
}

#[async_trait]
impl Mailer for Dying {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.inner.send(mail).await?;
        self.sent.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn killed_before_sending_another_sends_it() {
    let stage = Stage::set().await;
    let event = stage.event(OrderEventKind::Confirmed);
    stage.publish(&event).await;
    let dead = stage.consumer("dead").notifications;
    while dead.events.read(16).await.unwrap().is_empty() {}
    let now = stage.clock.now();
    let claim =
        dead.deliveries.claim(event.id, Some(event.order_id), MailKind::OrderConfirmed, now, now + LEASE);
    assert_eq!(claim.await.unwrap(), Claim::Granted { attempt: 1 });

    let alive = stage.consumer("alive");
    assert_eq!(reclaim_once(&alive.notifications, Duration::ZERO).await.unwrap(), 1);
    assert_eq!((stage.mails().len(), stage.pending().await), (0, 1), "the lease still holds");
    stage.clock.advance_seconds(AFTER_LEASE);
    assert_eq!(reclaim_once(&alive.notifications, Duration::ZERO).await.unwrap(), 1);
    assert_eq!((stage.mails().len(), stage.pending().await), (1, 0));
}

/// Over SMTP there are two of it then, with one Message-ID, by which mail programs know a repeat; a folder keeps one.
#[tokio::test]
async fn killed_after_sending_the_same_mail_is_sent_once_more_byte_for_byte() {
    let stage = Stage::set().await;
    let event = stage.event(OrderEventKind::Confirmed);
    stage.publish(&event).await;
    let dying = Arc::new(Dying { inner: Arc::new(stage.files()), sent: Notify::new() });
    let dead = stage.consumer_with("dead", dying.clone()).notifications;
    let process = tokio::spawn(async move { while consume_once(&dead).await.unwrap() == 0 {} });
    dying.sent.notified().await;
    process.abort();
    let before = stage.mail_text(&event);

    stage.clock.advance_seconds(AFTER_LEASE);
    let alive = stage.consumer("alive");
    reclaim_once(&alive.notifications, Duration::ZERO).await.unwrap();
    assert_eq!((stage.mails().len(), stage.pending().await), (1, 0));
    assert_eq!(stage.mail_text(&event), before);
}

#[tokio::test]
async fn killed_before_acknowledging_nothing_is_sent_again() {
    let stage = Stage::set().await;
    let event = stage.event(OrderEventKind::Confirmed);
    stage.publish(&event).await;
    let dead = stage.consumer("dead").notifications;
    while dead.events.read(16).await.unwrap().is_empty() {}
    let now = stage.clock.now();
    let claim =
        dead.deliveries.claim(event.id, Some(event.order_id), MailKind::OrderConfirmed, now, now + LEASE);
    claim.await.unwrap();
    dead.deliveries.mark_sent(event.id, now).await.unwrap();

    let mailer = Recording::answering(|| Ok(()));
    let alive = stage.consumer_with("alive", mailer.clone());
    reclaim_once(&alive.notifications, Duration::ZERO).await.unwrap();
    assert_eq!((mailer.taken().len(), stage.pending().await), (0, 0));
}

#[tokio::test]
async fn an_entry_that_somebody_took_just_now_is_left_to_them() {
    let stage = Stage::set().await;
    stage.publish(&stage.event(OrderEventKind::Confirmed)).await;
    let busy = stage.consumer("busy").notifications;
    while busy.events.read(16).await.unwrap().is_empty() {}
    let other = stage.consumer("other").notifications;
    assert_eq!(reclaim_once(&other, Duration::from_secs(15)).await.unwrap(), 0);
}

/// A look at the pending entries stops after 160 of them (`XAUTOCLAIM` looks at ten times what it is to claim).
#[tokio::test]
async fn many_that_wait_their_turn_hide_nobody_behind_them() {
    let stage = Stage::set().await;
    let busy = stage.consumer("busy").notifications;
    let mut read = Vec::new();
    for _ in 0..170 {
        stage.publish(&stage.event(OrderEventKind::Confirmed)).await;
    }
    while read.len() < 170 {
        read.extend(busy.events.read(170 - read.len()).await.unwrap());
    }
    let last = read.last().unwrap();
    let mut idle = redis::cmd("XCLAIM");
    idle.arg("orders.events").arg("notifications").arg("dead").arg(0).arg(&last.id);
    idle.arg("IDLE").arg(3_600_000).arg("JUSTID");
    stage.redis_says::<Vec<String>>(idle).await;
    let alive = stage.consumer("alive").notifications;
    let mut taken = 0;
    for _ in 0..2 {
        taken += reclaim_once(&alive, Duration::from_mins(30)).await.unwrap();
    }
    assert_eq!((taken, stage.mails().len()), (1, 1));
    // The round begins anew.
    stage
        .redis_says::<Vec<String>>({
            let mut idle = redis::cmd("XCLAIM");
            idle.arg("orders.events").arg("notifications").arg("dead").arg(0).arg(&read[0].id);
            idle.arg("IDLE").arg(3_600_000).arg("JUSTID").clone()
        })
        .await;
    assert_eq!(reclaim_once(&alive, Duration::from_mins(30)).await.unwrap(), 1);
}

#[tokio::test]
async fn while_the_database_is_away_events_wait() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    stage.publish(&stage.event(OrderEventKind::Confirmed)).await;
    let pool = &stage.db.pool;
    let rename = |sql: &'static str| async move { sqlx::query(sql).execute(pool).await.unwrap() };
    rename("ALTER TABLE deliveries RENAME TO gone").await;
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    assert_eq!((stage.mails().len(), stage.pending().await), (0, 1));
    rename("ALTER TABLE gone RENAME TO deliveries").await;
    reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    assert_eq!((stage.mails().len(), stage.pending().await), (1, 0));
}

#[tokio::test]
async fn while_no_mail_can_be_sent_events_wait_and_tries_are_counted() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    stage.publish(&stage.event(OrderEventKind::Confirmed)).await;
    let faults = &consumer.notifications.faults;
    faults.activate(ERRORS, Activate { ttl_seconds: 60, ratio: 1.0, delay_ms: 0 }).unwrap();
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    for _ in 0..10 {
        reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    }
    assert_eq!(stage.pending().await, 1, "an outage is no reason to give up");
    faults.deactivate(ERRORS).unwrap();
    reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    assert_eq!((stage.mails().len(), stage.pending().await), (1, 0));
    assert_eq!(consumer.sent("order_confirmed", "failed"), 11.0);
}

#[tokio::test]
async fn deliveries_that_are_long_over_are_forgotten() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    stage.publish(&stage.event(OrderEventKind::Confirmed)).await;
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    let count = || async {
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM deliveries").fetch_one(&stage.db.pool).await.unwrap();
        count
    };
    stage.clock.advance_seconds(89 * 86_400);
    shop_notifications::workers::tidy(&consumer.notifications).await;
    assert_eq!(count().await, 1);
    stage.clock.advance_seconds(2 * 86_400);
    shop_notifications::workers::tidy(&consumer.notifications).await;
    assert_eq!(count().await, 0);
}
