//! Books that cannot be read, and books that somebody is just writing.

use std::time::Duration;

use super::{
    Database::{Orders, Payments},
    shop::{Shop, id},
};
use crate::invariants::{Books, check};

#[tokio::test]
async fn a_database_that_does_not_answer_is_named_and_its_password_is_not() {
    let shop = Shop::empty().await;
    let mut books = shop.books();
    books.payments = vec!["postgres://app:planted@127.0.0.1:1/payments".to_owned()];
    let error = check(&books).await.unwrap_err();
    assert!(error.starts_with("the database of payments cannot be read: "), "{error}");
    assert!(!error.contains("planted"), "{error}");
}

#[tokio::test]
async fn of_several_addresses_the_one_that_answers_is_read() {
    let shop = Shop::with_every_kind_of_order().await;
    let mut books = shop.books();
    books.payments.insert(0, "postgres://app@127.0.0.1:1/payments".to_owned());
    assert!(check(&books).await.unwrap().agrees());
}

#[tokio::test]
async fn a_standby_is_not_read() {
    let mut cluster = shop_testkit::TestCluster::start().await;
    let shop = Shop::empty().await;
    let mut books = shop.books();
    books.orders = vec![cluster.standby_url.clone()];
    let error = check(&books).await.unwrap_err();
    assert!(error.contains("the database of orders cannot be read: a standby"), "{error}");
    cluster.stop_primary().await;
}

#[tokio::test]
async fn a_name_that_is_not_known_is_an_error_and_no_guess() {
    let shop = Shop::with_every_kind_of_order().await;
    let plant = format!(
        "ALTER TABLE orders DROP CONSTRAINT orders_status_known; UPDATE orders SET status = 'painted' \
         WHERE id = '{}'",
        id(101)
    );
    shop.execute(Orders, &plant).await;
    let error = check(&shop.books()).await.unwrap_err();
    assert!(error.contains("status") && error.contains("painted"), "{error}");
}

/// What differs because somebody is just at it is given time.
#[tokio::test]
async fn work_in_hand_that_ends_in_time_is_no_disagreement() {
    let shop = Shop::with_every_kind_of_order().await;
    let ended = format!(
        "UPDATE orders SET status = 'manual_review', review = 'failed' WHERE id = '{0}'; \
         INSERT INTO order_history (order_id, at, actor, action, detail) \
         VALUES ('{0}', now(), 'system', 'manual_review', '')",
        id(106)
    );
    shop.execute(Orders, &ended).await;
    let state =
        |state: &str| format!("UPDATE authorisations SET state = '{state}' WHERE order_id = '{}'", id(101));
    shop.execute(Payments, &state("open")).await;
    let books = Books { settle_within: Duration::from_secs(30), ..shop.books() };
    // What the check reads of payments last is held until it waits there: it has seen the open payment, and no other.
    let held = shop.held(Payments, "sandbox_movements").await;
    let checking = tokio::spawn(async move { check(&books).await });
    shop_testkit::eventually("the check has looked", || async {
        let waits =
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'sandbox_movements'::regclass";
        shop.number(Payments, waits).await > 0
    })
    .await;
    shop.execute(Payments, &state("captured")).await;
    held.commit().await.unwrap();
    let report = checking.await.unwrap().unwrap();
    assert!(report.agrees() && report.rounds > 1, "{report}");
}

/// An order that is worked on still is waited for, and is no disagreement when the time is over.
#[tokio::test]
async fn an_unfinished_order_is_waited_for_and_told() {
    let shop = Shop::with_every_kind_of_order().await;
    let books = Books { settle_within: Duration::from_secs(3), ..shop.books() };
    let report = check(&books).await.unwrap();
    assert!(report.agrees() && report.rounds > 1 && report.in_hand == 1, "{report}");
}

/// A shop that sells while it is checked: what began later is the next check's.
#[tokio::test]
async fn what_began_after_the_check_is_left_to_the_next_one() {
    let shop = Shop::with_every_kind_of_order().await;
    let plant = format!("UPDATE orders SET placed_at = now() + interval '1 minute' WHERE id = '{}'", id(101));
    shop.execute(Orders, &plant).await;
    let taken = format!(
        "UPDATE authorisations SET state = 'open', created_at = now() + interval '1 minute' \
                         WHERE order_id = '{}'",
        id(101)
    );
    shop.execute(Payments, &taken).await;
    let report = shop.check().await;
    let states = report.findings.iter().find(|f| f.invariant.name == "payment_states").unwrap();
    assert_eq!(states.total, 0, "{report}");
}
