use std::sync::Arc;
use std::time::Duration;

use shop_contracts::events::{IdentityEventKind, OrderEvent, OrderEventKind};
use shop_instrumentation::config::Env;
use shop_instrumentation::{Boot, CancellationToken};
use shop_notifications::wiring;
use shop_notifications::workers::{consume, consume_once};
use shop_testkit::{TestDb, eventually};

use crate::stage::{Gate, Recording, Stage};

async fn drain(consumer: &crate::stage::Consumer) {
    // The first read may only make the group.
    while consume_once(&consumer.notifications).await.unwrap() > 0 {}
    while consume_once(&consumer.notifications).await.unwrap() > 0 {}
}

#[tokio::test]
async fn shopper_is_told_what_became_of_the_order_and_nothing_before() {
    let stage = Stage::set().await;
    let told = [
        (OrderEventKind::Confirmed, "is confirmed", "order_confirmed"),
        (OrderEventKind::Declined, "could not be paid", "order_declined"),
        (OrderEventKind::Failed, "cannot be delivered", "order_failed"),
        (OrderEventKind::Cancelled, "is cancelled", "order_cancelled"),
        (OrderEventKind::Shipped, "is on its way", "order_shipped"),
        (OrderEventKind::ReturnRequested, "Your return", "return_requested"),
        (OrderEventKind::Refunded, "is on its way back", "order_refunded"),
    ];
    stage.publish(&stage.event(OrderEventKind::Placed)).await;
    let events = told.map(|(kind, ..)| stage.event(kind));
    for event in &events {
        stage.publish(event).await;
    }
    let consumer = stage.consumer("one");
    drain(&consumer).await;
    for (event, (_, subject, kind)) in events.iter().zip(told) {
        let text = stage.mail_text(event);
        // What comes back stands on the order's page; what was ordered would be more.
        let sum = if kind == "return_requested" { "come back" } else { "$2598.00" };
        for part in [subject, "kim@example.com", "QD-4711", sum, &event.order_id.to_string()] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert_eq!(consumer.sent(kind, "sent"), 1.0, "{kind}");
    }
    assert_eq!((stage.mails().len(), stage.pending().await), (events.len(), 0));
}

#[tokio::test]
async fn shopper_is_told_what_became_of_the_account() {
    let stage = Stage::set().await;
    let told = [
        (IdentityEventKind::RegistrationRequested, "Confirm your account", "confirm_registration"),
        (IdentityEventKind::Registered, "Welcome aboard", "registered"),
        (IdentityEventKind::AlreadyRegistered, "You have an account already", "already_registered"),
        (IdentityEventKind::PasswordResetRequested, "A new password", "password_reset"),
        (IdentityEventKind::PasswordChanged, "was changed", "password_changed"),
        (IdentityEventKind::Deleted, "is deleted", "account_deleted"),
    ];
    let events = told.map(|(kind, ..)| stage.account_event(kind));
    for event in &events {
        stage.publish_account(event).await;
    }
    for silent in [IdentityEventKind::Unknown, IdentityEventKind::PasswordResetForNobody] {
        stage.publish_account(&stage.account_event(silent)).await;
    }
    let consumer = stage.consumer("one");
    while consume_once(&consumer.accounts).await.unwrap() == 0 {}
    for (event, (_, subject, kind)) in events.iter().zip(told) {
        let text = stage.mail_of(event.id);
        assert!(text.contains(subject) && text.contains("kim@example.com"), "{text}");
        assert_eq!(consumer.sent(kind, "sent"), 1.0, "{kind}");
    }
    assert_eq!((stage.mails().len(), stage.pending_on("identity.events").await), (events.len(), 0));
}

#[tokio::test]
async fn an_event_that_is_on_the_stream_twice_is_one_mail() {
    let stage = Stage::set().await;
    let event = stage.event(OrderEventKind::Confirmed);
    stage.publish(&event).await;
    stage.publish(&event).await;
    let mailer = Recording::answering(|| Ok(()));
    let consumer = stage.consumer_with("one", mailer.clone());
    drain(&consumer).await;
    // Handled at the same time: the one that found the other at it comes again.
    stage.clock.advance_seconds(20);
    shop_notifications::workers::reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    assert_eq!((mailer.taken(), stage.pending().await), (vec![event.id], 0));
}

#[tokio::test]
async fn two_instances_share_the_work_and_send_each_mail_once() {
    let stage = Stage::set().await;
    let mailer = Recording::answering(|| Ok(()));
    let mut expected = Vec::new();
    for n in 0..50 {
        let email = format!("buyer{n}@example.com");
        let event = OrderEvent { email, ..stage.event(OrderEventKind::Confirmed) };
        stage.publish(&event).await;
        expected.push(event.id);
    }
    let (one, two) = (stage.consumer_with("one", mailer.clone()), stage.consumer_with("two", mailer.clone()));
    tokio::join!(drain(&one), drain(&two));
    let mut taken = mailer.taken();
    taken.sort();
    assert_eq!((taken, stage.pending().await), (expected, 0));
}

#[tokio::test]
async fn a_group_that_was_lost_starts_from_the_beginning_and_sends_nothing_twice() {
    let stage = Stage::set().await;
    let mailer = Recording::answering(|| Ok(()));
    let consumer = stage.consumer_with("one", mailer.clone());
    let first = stage.event(OrderEventKind::Confirmed);
    stage.publish(&first).await;
    drain(&consumer).await;
    let mut destroy = redis::cmd("XGROUP");
    destroy.arg("DESTROY").arg("orders.events").arg("notifications");
    stage.redis_says::<u64>(destroy).await;
    let second = stage.event(OrderEventKind::Confirmed);
    stage.publish(&second).await;
    drain(&consumer).await;
    assert_eq!(mailer.taken(), [first.id, second.id]);
}

#[tokio::test]
async fn stopping_finishes_what_was_begun() {
    let stage = Stage::set().await;
    let gate = Arc::new(Gate::default());
    let consumer = stage.consumer_with("one", gate.clone());
    stage.publish(&stage.event(OrderEventKind::Confirmed)).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(consume(consumer.notifications.clone(), stop.clone()));
    gate.begun.notified().await;
    stop.cancel();
    assert_eq!(stage.pending().await, 1);
    gate.go_on.notify_one();
    tokio::time::timeout(Duration::from_secs(5), worker).await.expect("the worker ends").unwrap();
    assert_eq!((stage.pending().await, consumer.sent("order_confirmed", "sent")), (0, 1.0));
}

#[tokio::test]
async fn the_whole_service_mails_what_comes() {
    let stage = Stage::set().await;
    let db = TestDb::empty().await;
    let folder = stage.folder.path().join("deep/mail");
    let env = Env::from_pairs([
        ("DATABASE_URL", db.url.clone()),
        ("REDIS_URL", stage.redis.url.clone()),
        ("MAIL_DIR", folder.display().to_string()),
        ("PUBLIC_URL", "https://shop.example".to_owned()),
    ]);
    let boot = Boot::for_tests("notifications", env).unwrap();
    let stop = boot.shutdown.clone();
    let _app = wiring::start(boot).await.unwrap();
    let event = stage.event(OrderEventKind::Confirmed);
    stage.publish(&event).await;
    let mail = folder.join(format!("{}.eml", event.id));
    eventually("the mail is there", || async { mail.exists() }).await;
    let event = stage.account_event(IdentityEventKind::Registered);
    stage.publish_account(&event).await;
    let mail = folder.join(format!("{}.eml", event.id));
    eventually("the other stream's mail is there", || async { mail.exists() }).await;
    stop.cancel();
}
