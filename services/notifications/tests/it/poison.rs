use std::time::Duration;

use shop_contracts::events::{IdentityEvent, IdentityEventKind, OrderEvent, OrderEventKind};
use shop_instrumentation::clock::Clock as _;
use shop_notifications::deliver::MAX_TRIES;
use shop_notifications::mailers::MailError;
use shop_notifications::workers::{consume_once, reclaim_once, tidy};

use crate::stage::{Consumer, Recording, Stage, TOKEN};

/// Hands everything out, then again and again, until each entry was handed out `tries` times.
async fn try_times(consumer: &Consumer, tries: u32) {
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    for _ in 1..tries {
        reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    }
}

fn field<'a>(entry: &'a [(String, String)], name: &str) -> Option<&'a str> {
    entry.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn garbage_is_put_aside_after_some_tries_and_holds_nobody_up() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    stage.add(&[("nonsense", b"yes")]).await;
    stage.add(&[("type", b"order.confirmed"), ("payload", b"{\"email\":\"kim@example.com\"}")]).await;
    stage.add(&[("payload", b"\xff\xfe binary"), ("type", b"\xff")]).await;
    stage.add(&[("type", b"order.invented"), ("payload", b"[1,2,3]")]).await;
    let event = stage.event(OrderEventKind::Confirmed);
    stage.publish(&event).await;

    try_times(&consumer, MAX_TRIES - 1).await;
    assert_eq!((stage.mails().len(), stage.pending().await, stage.dead().await.len()), (1, 4, 0));
    reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    assert_eq!(stage.pending().await, 0);

    let mut dead = redis::cmd("XRANGE");
    dead.arg("orders.events.dead").arg("-").arg("+");
    let dead: Vec<(String, Vec<(Vec<u8>, Vec<u8>)>)> = stage.redis_says(dead).await;
    assert_eq!(dead.len(), 4);
    for (_, fields) in &dead {
        assert!(fields.contains(&(b"reason".to_vec(), b"unreadable".to_vec())));
    }
    let kept = (b"payload".to_vec(), b"\xff\xfe binary".to_vec());
    assert!(dead.iter().any(|(_, fields)| fields.contains(&kept)), "an entry is kept to the byte");
    assert_eq!(consumer.metric("shop_events_dead_lettered_total{reason=\"unreadable\"}"), 4.0);
    assert_eq!(consumer.sent("order_confirmed", "dead_lettered"), 1.0);
}

#[tokio::test]
async fn a_mail_that_is_always_refused_is_put_aside_with_what_it_was() {
    let stage = Stage::set().await;
    let mailer = Recording::answering(|| Err(MailError::Refused("the mail server answered 550".to_owned())));
    let consumer = stage.consumer_with("one", mailer.clone());
    let event = stage.event(OrderEventKind::Declined);
    stage.publish(&event).await;
    try_times(&consumer, MAX_TRIES).await;
    assert_eq!((mailer.taken().len(), stage.pending().await), (MAX_TRIES as usize, 0));
    let dead = stage.dead().await;
    assert_eq!((dead.len(), field(&dead[0], "reason")), (1, Some("refused")));
    let kept: OrderEvent = serde_json::from_str(field(&dead[0], "payload").unwrap()).unwrap();
    assert_eq!(kept, event, "it can be put back on the stream");
    assert_eq!(consumer.sent("order_declined", "dead_lettered"), 1.0);
    assert_eq!(consumer.sent("order_declined", "failed"), f64::from(MAX_TRIES));
}

#[tokio::test]
async fn what_was_put_aside_can_be_put_back() {
    let stage = Stage::set().await;
    let refusing = Recording::answering(|| Err(MailError::Refused("550".to_owned())));
    let event = stage.event(OrderEventKind::Confirmed);
    stage.publish(&event).await;
    try_times(&stage.consumer_with("one", refusing), MAX_TRIES).await;
    stage.publish(&event).await;
    try_times(&stage.consumer("one"), 1).await;
    assert_eq!((stage.mails().len(), stage.pending().await), (1, 0));
}

#[tokio::test]
async fn an_address_that_is_none_is_put_aside() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    let event = OrderEvent { email: "not an address".to_owned(), ..stage.event(OrderEventKind::Confirmed) };
    stage.publish(&event).await;
    try_times(&consumer, MAX_TRIES).await;
    assert_eq!((stage.mails().len(), stage.pending().await, stage.dead().await.len()), (0, 0, 1));
}

#[tokio::test]
async fn a_mail_that_is_wanted_later_for_ever_expires_after_three_days() {
    let stage = Stage::set().await;
    let mailer = Recording::answering(|| Err(MailError::NotNow("the mail server answered 450".to_owned())));
    let consumer = stage.consumer_with("one", mailer);
    stage.publish(&stage.event(OrderEventKind::Confirmed)).await;
    try_times(&consumer, MAX_TRIES * 2).await;
    stage.clock.advance_seconds(3 * 86_400);
    reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    assert_eq!((stage.pending().await, stage.dead().await.len()), (1, 0));
    stage.clock.advance_seconds(1);
    reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    let dead = stage.dead().await;
    assert_eq!((stage.pending().await, field(&dead[0], "reason")), (0, Some("expired")));
    assert_eq!(consumer.metric("shop_events_dead_lettered_total{reason=\"expired\"}"), 1.0);
}

#[tokio::test]
async fn a_link_that_does_not_work_any_more_is_not_mailed() {
    let stage = Stage::set().await;
    let mailer = Recording::answering(|| Err(MailError::NotNow("the mail server answered 450".to_owned())));
    let consumer = stage.consumer_with("one", mailer);
    let event = stage.account_event(IdentityEventKind::PasswordResetRequested);
    stage.publish_account(&event).await;
    while consume_once(&consumer.accounts).await.unwrap() == 0 {}
    stage.clock.advance_seconds(3601);
    reclaim_once(&consumer.accounts, Duration::ZERO).await.unwrap();
    let mut dead = redis::cmd("XLEN");
    dead.arg("identity.events.dead");
    assert_eq!((stage.pending_on("identity.events").await, stage.redis_says::<u64>(dead).await), (0, 1));
    assert_eq!(consumer.sent("password_reset", "dead_lettered"), 1.0);
    let mut dead = redis::cmd("XRANGE");
    dead.arg("identity.events.dead").arg("-").arg("+");
    let dead: Vec<(String, Vec<(String, String)>)> = stage.redis_says(dead).await;
    let payload = field(&dead[0].1, "payload").unwrap();
    assert!(!payload.contains(TOKEN), "a secret is kept no longer than it is of use: {payload}");
    let kept: IdentityEvent = serde_json::from_str(payload).unwrap();
    assert_eq!((kept.id, kept.email.as_str()), (event.id, event.email.as_str()), "and nothing else is lost");
}

#[tokio::test]
async fn what_was_put_aside_is_kept_for_a_month_and_no_longer() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    let now_ms = stage.clock.now().timestamp_millis();
    const DAY_MS: i64 = 86_400_000;
    for age_ms in [31 * DAY_MS, 29 * DAY_MS] {
        let mut add = redis::cmd("XADD");
        add.arg("orders.events.dead").arg(format!("{}-0", now_ms - age_ms));
        add.arg("reason").arg("refused").arg("payload").arg("{\"email\":\"kim@example.com\"}");
        stage.redis_says::<String>(add).await;
    }
    tidy(&consumer.notifications).await;
    assert_eq!(stage.dead().await.len(), 1);
}
