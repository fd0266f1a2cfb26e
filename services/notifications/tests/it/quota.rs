//! Nobody is written to more than a few times an hour because somebody types their address beside bad cards, into order
//! after order, or into the form for an account.

use std::time::Duration;

use shop_contracts::events::{IdentityEvent, IdentityEventKind, OrderEvent, OrderEventKind};
use shop_instrumentation::faults::Activate;
use shop_notifications::quota::{ORDERS, REGISTRATIONS, RESETS, UNPAID};
use shop_notifications::telemetry::ERRORS;
use shop_notifications::workers::{consume_once, reclaim_once};

use crate::stage::{Consumer, Stage};

const HOUR_SECONDS: i64 = 60 * 60;

async fn told(stage: &Stage, consumer: &Consumer, kind: OrderEventKind, email: &str) -> OrderEvent {
    let event = OrderEvent { email: email.to_owned(), ..stage.event(kind) };
    stage.publish(&event).await;
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    event
}

async fn declined(stage: &Stage, consumer: &Consumer, email: &str) -> OrderEvent {
    told(stage, consumer, OrderEventKind::Declined, email).await
}

async fn about_account(stage: &Stage, consumer: &Consumer, kind: IdentityEventKind, email: &str) {
    let event = IdentityEvent { email: email.to_owned(), ..stage.account_event(kind) };
    stage.publish_account(&event).await;
    while consume_once(&consumer.accounts).await.unwrap() == 0 {}
}

fn mails(stage: &Stage) -> u64 {
    stage.mails().len() as u64
}

#[tokio::test]
async fn a_mailbox_gets_a_few_mails_about_declined_cards_an_hour() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    for n in 0..UNPAID.most + 3 {
        let spelling = ["kim@example.com", "KIM@example.com", "kim+shop@example.com"][n as usize % 3];
        declined(&stage, &consumer, spelling).await;
    }
    assert_eq!((mails(&stage), stage.pending().await), (UNPAID.most, 0));
    assert_eq!(consumer.sent("order_declined", "withheld"), 3.0);
    let withheld: i64 =
        sqlx::query_scalar("SELECT count(*) FROM deliveries WHERE withheld AND sent_at IS NOT NULL")
            .fetch_one(&stage.db.pool)
            .await
            .unwrap();
    assert_eq!(withheld, 3);
    declined(&stage, &consumer, "robin@example.com").await;
    declined(&stage, &consumer, "k.im@example.com").await;
    assert_eq!(mails(&stage), UNPAID.most + 2, "another mailbox has its own");
    told(&stage, &consumer, OrderEventKind::Confirmed, "kim@example.com").await;
    assert_eq!(mails(&stage), UNPAID.most + 3, "what was bought is told however much was declined");
    stage.clock.advance_seconds(HOUR_SECONDS + 1);
    declined(&stage, &consumer, "kim@example.com").await;
    assert_eq!(mails(&stage), UNPAID.most + 4, "the hour is over");
}

#[tokio::test]
async fn a_flood_of_declined_cards_has_no_new_mails_until_it_is_over() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    for _ in 0..8 {
        declined(&stage, &consumer, "kim@example.com").await;
        stage.clock.advance_seconds(HOUR_SECONDS / 6);
    }
    assert_eq!(mails(&stage), UNPAID.most);
    stage.clock.advance_seconds(HOUR_SECONDS);
    declined(&stage, &consumer, "kim@example.com").await;
    assert_eq!(mails(&stage), UNPAID.most + 1);
}

/// One beyond the bound counts under its own time and holds up nothing else.
#[tokio::test]
async fn one_declined_card_an_hour_is_no_flood() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    for _ in 0..UNPAID.most {
        declined(&stage, &consumer, "kim@example.com").await;
    }
    stage.clock.advance_seconds(HOUR_SECONDS - 60);
    declined(&stage, &consumer, "kim@example.com").await;
    assert_eq!(mails(&stage), UNPAID.most);
    stage.clock.advance_seconds(61);
    for _ in 0..UNPAID.most {
        declined(&stage, &consumer, "kim@example.com").await;
    }
    assert_eq!(mails(&stage), 2 * UNPAID.most - 1, "the one takes its own place, for an hour of its own");
}

/// What is beyond the bound is remembered as far as it matters, however long a flood lasts.
#[tokio::test]
async fn a_flood_is_remembered_within_a_bound() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    for _ in 0..UNPAID.most * 5 {
        declined(&stage, &consumer, "kim@example.com").await;
    }
    let mut keys = redis::cmd("KEYS");
    keys.arg("notifications:unpaid:*");
    let keys: Vec<String> = stage.redis_says(keys).await;
    assert_eq!(keys.len(), 1);
    let mut count = redis::cmd("ZCARD");
    count.arg(&keys[0]);
    assert_eq!(stage.redis_says::<u64>(count).await, 2 * UNPAID.most);
}

#[tokio::test]
async fn a_mail_that_is_withheld_takes_no_place_among_others() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    for _ in 0..ORDERS.most {
        told(&stage, &consumer, OrderEventKind::Confirmed, "kim@example.com").await;
    }
    stage.clock.advance_seconds(HOUR_SECONDS - 60);
    for _ in 0..UNPAID.most {
        declined(&stage, &consumer, "kim@example.com").await;
    }
    assert_eq!(mails(&stage), ORDERS.most);
    stage.clock.advance_seconds(61);
    declined(&stage, &consumer, "kim@example.com").await;
    assert_eq!(mails(&stage), ORDERS.most + 1, "nothing was told of the four");
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
    for _ in 1..UNPAID.most {
        declined(&stage, &consumer, "kim@example.com").await;
    }
    reclaim_once(&consumer.notifications, Duration::ZERO).await.unwrap();
    assert!(stage.mail_text(&first).contains("could not be paid"));
    assert_eq!((mails(&stage), stage.pending().await), (UNPAID.most, 0));
}

/// Orders that are cancelled at once cost nothing: whoever types a stranger's address can make many.
#[tokio::test]
async fn a_mailbox_gets_so_many_mails_about_orders_an_hour_and_all_that_staff_does() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    let by_its_buyer = [OrderEventKind::Confirmed, OrderEventKind::Cancelled, OrderEventKind::Refunded];
    for n in 0..ORDERS.most / 3 + 3 {
        for kind in by_its_buyer {
            told(&stage, &consumer, kind, &format!("kim+{n}@example.com")).await;
        }
    }
    assert_eq!((mails(&stage), stage.pending().await), (ORDERS.most, 0));
    let withheld =
        ["order_confirmed", "order_cancelled", "order_refunded"].map(|kind| consumer.sent(kind, "withheld"));
    assert_eq!(withheld, [2.0, 2.0, 3.0]);
    for kind in [OrderEventKind::Shipped, OrderEventKind::ReturnRefused] {
        told(&stage, &consumer, kind, "kim@example.com").await;
    }
    for kind in [IdentityEventKind::PasswordResetRequested, IdentityEventKind::PasswordChanged] {
        about_account(&stage, &consumer, kind, "kim@example.com").await;
    }
    assert_eq!(mails(&stage), ORDERS.most + 4, "no stranger causes these");
    // What was withheld does not hold up what comes later.
    stage.clock.advance_seconds(HOUR_SECONDS - 1);
    told(&stage, &consumer, OrderEventKind::Confirmed, "kim@example.com").await;
    assert_eq!(mails(&stage), ORDERS.most + 4);
    stage.clock.advance_seconds(2);
    told(&stage, &consumer, OrderEventKind::Confirmed, "kim@example.com").await;
    assert_eq!(mails(&stage), ORDERS.most + 5);
}

/// Five orders, all of them sent, one of which comes back, after two cards that were declined.
#[tokio::test]
async fn a_shopper_who_orders_five_times_in_an_hour_gets_every_mail() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    let kim = "kim@example.com";
    for _ in 0..2 {
        declined(&stage, &consumer, kim).await;
    }
    for _ in 0..5 {
        told(&stage, &consumer, OrderEventKind::Confirmed, kim).await;
        told(&stage, &consumer, OrderEventKind::Shipped, kim).await;
    }
    told(&stage, &consumer, OrderEventKind::ReturnRequested, kim).await;
    told(&stage, &consumer, OrderEventKind::Refunded, kim).await;
    assert_eq!((mails(&stage), stage.pending().await), (14, 0));
}

#[tokio::test]
async fn a_mailbox_is_asked_a_few_times_an_hour_whether_it_wants_an_account() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    for n in 0..REGISTRATIONS.most + 2 {
        let address = format!("kim+{n}@example.com");
        about_account(&stage, &consumer, IdentityEventKind::RegistrationRequested, &address).await;
    }
    assert_eq!(mails(&stage), REGISTRATIONS.most);
    about_account(&stage, &consumer, IdentityEventKind::AlreadyRegistered, "kim@example.com").await;
    assert_eq!(mails(&stage), REGISTRATIONS.most);
    assert_eq!(consumer.sent("confirm_registration", "withheld"), 2.0);
    about_account(&stage, &consumer, IdentityEventKind::PasswordResetRequested, "kim@example.com").await;
    told(&stage, &consumer, OrderEventKind::Confirmed, "kim@example.com").await;
    assert_eq!(mails(&stage), REGISTRATIONS.most + 2, "neither is held up by it");
}

/// No other page has the link: somebody who asks again and again with a stranger's address keeps that stranger from nothing.
#[tokio::test]
async fn one_request_an_hour_keeps_nobody_from_an_account() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    let asked = IdentityEventKind::RegistrationRequested;
    for _ in 0..REGISTRATIONS.most {
        about_account(&stage, &consumer, asked, "kim@example.com").await;
    }
    stage.clock.advance_seconds(HOUR_SECONDS - 60);
    about_account(&stage, &consumer, asked, "kim@example.com").await;
    assert_eq!(mails(&stage), REGISTRATIONS.most);
    stage.clock.advance_seconds(61);
    about_account(&stage, &consumer, asked, "kim@example.com").await;
    assert_eq!(mails(&stage), REGISTRATIONS.most + 1);
}

/// Each mail's link works for an hour: whoever has so many of an hour's needs no other, and a stranger who asks again and
/// again writes to nobody all day.
#[tokio::test]
async fn a_mailbox_gets_a_few_links_for_a_new_password_an_hour() {
    let stage = Stage::set().await;
    let consumer = stage.consumer("one");
    let asked = IdentityEventKind::PasswordResetRequested;
    for n in 0..RESETS.most + 2 {
        let spelling = ["kim@example.com", "KIM@example.com"][n as usize % 2];
        about_account(&stage, &consumer, asked, spelling).await;
    }
    assert_eq!(mails(&stage), RESETS.most);
    assert_eq!(consumer.sent("password_reset", "withheld"), 2.0);
    about_account(&stage, &consumer, IdentityEventKind::PasswordChanged, "kim@example.com").await;
    about_account(&stage, &consumer, asked, "robin@example.com").await;
    assert_eq!(mails(&stage), RESETS.most + 2, "neither is held up by it");
    stage.clock.advance_seconds(HOUR_SECONDS + 1);
    about_account(&stage, &consumer, asked, "kim@example.com").await;
    assert_eq!(mails(&stage), RESETS.most + 3, "what was withheld holds up nothing later");
}
