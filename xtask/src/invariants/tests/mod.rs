//! The check can fail: each invariant is broken on real Postgres, with the services' own migrations, and named.

mod accounts;
mod addresses;
mod cancelled;
mod carts_and_history;
mod events_and_mails;
mod payments;
mod refunds;
mod reservations;
mod shop;
mod stock;
mod tariffs;
mod told;
mod totals;
mod unreadable;

use self::shop::{Database, Shop};

/// Plants something in consistent books; the check must then name the invariant and say `words` about it.
async fn finds(database: Database, plant: &str, invariant: &str, words: &[&str]) {
    let shop = Shop::with_every_kind_of_order().await;
    shop.execute(database, plant).await;
    shop.names(invariant, words).await;
}

#[tokio::test]
async fn books_that_agree_are_found_to_agree_and_every_invariant_had_something_to_look_at() {
    let shop = Shop::with_every_kind_of_order().await;
    let report = shop.check().await;
    assert!(report.agrees(), "{report}");
    for finding in &report.findings {
        assert!(finding.looked_at > 0, "{} looked at nothing", finding.invariant.name);
    }
    assert_eq!((report.findings.len(), report.in_hand, report.manual_review.len()), (31, 1, 1), "{report}");
    let names: std::collections::BTreeSet<&str> = report.findings.iter().map(|f| f.invariant.name).collect();
    assert_eq!(names.len(), 31);
    let text = report.to_string();
    assert!(
        text.contains("needs a person: 1\n       order QD-7") && text.contains("capture_failed"),
        "{text}"
    );
    assert!(!text.contains("looked at nothing"), "{text}");
}

#[tokio::test]
async fn a_shop_without_an_order_agrees_and_says_that_this_proves_nothing() {
    let report = Shop::empty().await.check().await;
    assert!(report.agrees(), "{report}");
    let text = report.to_string();
    assert!(
        text.contains("none payment_states")
            && text.contains("looked at nothing: 31 of 31 invariants: cart_versions, "),
        "{text}"
    );
}

#[tokio::test]
async fn many_disagreements_are_counted_and_a_bounded_number_is_shown() {
    let shop = Shop::with_every_kind_of_order().await;
    let plant = "INSERT INTO reservations (id, order_id, state, expires_at, created_at, updated_at) \
                 SELECT gen_random_uuid(), gen_random_uuid(), 'held', now(), now(), now() FROM generate_series(1, 1500)";
    shop.execute(Database::Inventory, plant).await;
    let report = shop.check().await;
    let finding = report.findings.iter().find(|f| f.invariant.name == "reservation_owners").unwrap();
    assert_eq!((finding.total, finding.disagreements.len()), (1500, 1000));
    let text = report.to_string();
    assert!(text.contains("and 1480 more"), "{text}");
}
