//! Planted: events and mails that are too many, too few, or about nothing.

use super::{
    Database::{Notifications, Orders},
    finds,
    shop::{Shop, event, id},
};

fn delivery(event: u32, order: u32, kind: &str) -> String {
    format!(
        "INSERT INTO deliveries (event_id, order_id, kind, attempts, lease_until, sent_at, created_at) \
         VALUES ('{}', '{}', '{kind}', 1, now(), now(), now())",
        id(event),
        id(order)
    )
}

#[tokio::test]
async fn an_end_that_nobody_was_told() {
    let plant = format!("DELETE FROM deliveries WHERE event_id = '{}'", id(event(1, "confirmed")));
    let words = ["QD-1 ", "order.confirmed: happened 1 times, 0 wait, 0 were taken up"];
    finds(Notifications, &plant, "event_outcomes", &words).await;
}

/// What a restore has to tell again: each outcome once, and nothing that waits for the relay.
#[tokio::test]
async fn outcomes_without_an_event_are_named_with_its_kind() {
    let shop = Shop::with_every_kind_of_order().await;
    assert!(crate::invariants::untold(&shop.books()).await.unwrap().is_empty());
    let lost = format!(
        "DELETE FROM deliveries WHERE event_id IN ('{}', '{}')",
        id(event(1, "confirmed")),
        id(event(5, "shipped"))
    );
    shop.execute(Notifications, &lost).await;
    let expected = [("QD-1".to_owned(), "order.confirmed"), ("QD-5".to_owned(), "order.shipped")];
    assert_eq!(crate::invariants::untold(&shop.books()).await.unwrap(), expected);
}

#[tokio::test]
async fn an_end_that_two_events_tell() {
    let plant = delivery(599, 101, "order_confirmed");
    finds(Notifications, &plant, "event_outcomes", &["QD-1 ", "happened 1 times, 0 wait, 2 were"]).await;
    let waiting = format!(
        "INSERT INTO outbox (event_id, kind, payload, created_at) \
         VALUES ('{}', 'order.confirmed', '{{\"order_id\": \"{}\"}}', now())",
        id(599),
        id(101)
    );
    finds(Orders, &waiting, "event_outcomes", &["QD-1 ", "1 wait, 1 were taken up"]).await;
}

#[tokio::test]
async fn an_event_that_left_the_outbox_and_never_arrived() {
    finds(Orders, "DELETE FROM outbox", "event_outcomes", &["QD-8 ", "order.cancelled", "0 wait, 0"]).await;
}

#[tokio::test]
async fn news_of_something_that_did_not_happen() {
    let plant = delivery(599, 103, "order_shipped");
    finds(Notifications, &plant, "event_outcomes", &["QD-3 ", "order.shipped: happened 0 times"]).await;
}

#[tokio::test]
async fn an_event_and_a_mail_about_no_order() {
    let plant = delivery(599, 199, "order_confirmed");
    finds(Notifications, &plant, "event_owners", &[&id(599), "order_confirmed", &id(199)]).await;
    let waiting = format!(
        "INSERT INTO outbox (event_id, kind, payload, created_at) \
         VALUES ('{}', 'order.placed', '{{\"order_id\": \"{}\"}}', now())",
        id(598),
        id(198)
    );
    finds(Orders, &waiting, "event_owners", &[&id(598), "order.placed", &id(198)]).await;
}

#[tokio::test]
async fn a_mail_that_is_not_sent() {
    let plant = format!(
        "UPDATE deliveries SET sent_at = NULL, attempts = 4 WHERE event_id = '{}'",
        id(event(1, "confirmed"))
    );
    finds(Notifications, &plant, "mails_sent", &["QD-1 ", "order_confirmed is not sent after 4 tries"]).await;
}

#[tokio::test]
async fn a_mail_that_was_sent_and_is_not_there() {
    let shop = Shop::with_every_kind_of_order().await;
    shop.remove_mail(&id(event(5, "shipped")));
    shop.names("mail_files", &["QD-5 ", "order_shipped was sent, and there is no file"]).await;
}

/// Its address had enough of them: nobody misses it, and one that is there was not to be.
#[tokio::test]
async fn a_mail_that_was_withheld() {
    let shop = Shop::with_every_kind_of_order().await;
    let withheld =
        format!("UPDATE deliveries SET withheld = true WHERE event_id = '{}'", id(event(2, "declined")));
    shop.execute(Notifications, &withheld).await;
    shop.names("mail_files", &["QD-2 ", "order_declined was withheld, and there is a file"]).await;
    shop.remove_mail(&id(event(2, "declined")));
    let report = shop.check().await;
    assert!(report.agrees(), "{report}");
}

#[tokio::test]
async fn a_second_file_of_one_mail() {
    let shop = Shop::with_every_kind_of_order().await;
    shop.write_mail(&id(599), "Your order QD-1 is confirmed");
    shop.names("mail_files", &[&id(599), "no event was taken up for it"]).await;
    shop.execute(Notifications, &delivery(599, 101, "order_confirmed")).await;
    shop.names("mail_files", &["QD-1 is confirmed", "2 files say so"]).await;
}

#[tokio::test]
async fn a_mail_about_another_order() {
    let shop = Shop::with_every_kind_of_order().await;
    shop.write_mail(&id(event(1, "confirmed")), "Your order QD-5 is confirmed");
    shop.names("mail_files", &["QD-1 ", "order_confirmed says", "QD-5"]).await;
}

#[tokio::test]
async fn a_file_that_is_no_mail() {
    let shop = Shop::with_every_kind_of_order().await;
    std::fs::write(shop.mails.path().join("draft.txt"), "").unwrap();
    shop.names("mail_files", &["draft.txt"]).await;
}

/// Only the newest are kept: an old one may be gone, and no newer one.
#[tokio::test]
async fn mails_older_than_the_folder_keeps_are_not_missed() {
    let shop = Shop::with_every_kind_of_order().await;
    shop.remove_mail(&id(event(1, "confirmed")));
    let mut books = shop.books();
    let folder = books.mails.as_mut().unwrap();
    folder.keep = 13;
    let report = crate::invariants::check(&books).await.unwrap();
    assert!(report.agrees(), "{report}");
    books.mails.as_mut().unwrap().keep = 14;
    assert!(!crate::invariants::check(&books).await.unwrap().agrees());
}
