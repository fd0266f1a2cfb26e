//! What shoppers were told against what became of it.

use super::{
    Database::{Orders, Payments},
    shop::{Shop, id, movement},
};
use crate::invariants::{Books, Report, Told, check};

async fn told(shop: &Shop, numbers: &[&str]) -> Report {
    told_as(shop, Told::Bought, numbers).await
}

async fn told_as(shop: &Shop, what: Told, numbers: &[&str]) -> Report {
    let acknowledged = numbers.iter().map(|number| ((*number).to_owned(), what)).collect();
    check(&Books { acknowledged: Some(acknowledged), ..shop.books() }).await.expect("the books can be read")
}

/// The only disagreement of that invariant.
fn said(report: &Report, invariant: &str) -> String {
    let finding =
        report.findings.iter().find(|f| f.invariant.name == invariant).expect("the invariant is looked at");
    let all: Vec<String> =
        finding.disagreements.iter().map(|d| format!("{}: {}", d.subject, d.detail)).collect();
    all.join("; ")
}

#[tokio::test]
async fn orders_that_are_confirmed_and_paid_once_or_sold_out_are_as_told() {
    let shop = Shop::with_every_kind_of_order().await;
    let report = told(&shop, &["QD-1", "QD-3", "QD-5", "QD-9"]).await;
    assert!(report.agrees() && report.findings.len() == 33, "{report}");
}

#[tokio::test]
async fn an_acknowledged_order_that_is_lost_declined_cancelled_or_left_to_a_person_is_named() {
    let shop = Shop::with_every_kind_of_order().await;
    for (number, words) in [
        ("QD-404", "order QD-404: is not in the books"),
        ("QD-2", "order QD-2: declined (declined) for 2000 EUR, taken were []"),
        ("QD-4", "order QD-4: cancelled (no reason) for 2000 EUR, taken were [2000]"),
        ("QD-6", "order QD-6: pending (no reason) for 2000 EUR, taken were []"),
        ("QD-7", "order QD-7: manual_review (no reason) for 2000 EUR, taken were []"),
    ] {
        assert_eq!(said(&told(&shop, &["QD-1", number]).await, "acknowledged_orders"), words);
    }
}

#[tokio::test]
async fn a_cancellation_that_was_told_stands_and_one_of_unknown_outcome_may() {
    let shop = Shop::with_every_kind_of_order().await;
    for (what, number) in
        [(Told::Cancelled, "QD-4"), (Told::PerhapsCancelled, "QD-4"), (Told::PerhapsCancelled, "QD-1")]
    {
        assert!(told_as(&shop, what, &[number]).await.agrees(), "{what:?} {number}");
    }
    assert_eq!(
        said(&told_as(&shop, Told::Cancelled, &["QD-1"]).await, "acknowledged_orders"),
        "order QD-1: confirmed (no reason) for 2000 EUR, taken were [2000]"
    );
}

#[tokio::test]
async fn an_acknowledged_order_that_was_paid_twice_or_rejected_for_another_reason_is_named() {
    let shop = Shop::with_every_kind_of_order().await;
    shop.execute(Payments, &movement(1, "capture", 2000).replace("capture-1", "capture-again")).await;
    let report = told(&shop, &["QD-1"]).await;
    assert_eq!(
        said(&report, "acknowledged_orders"),
        "order QD-1: confirmed (no reason) for 2000 EUR, taken were [2000, 2000]"
    );
    let late = format!("UPDATE orders SET reason = 'payment_timeout' WHERE id = '{}'", id(103));
    shop.execute(Orders, &late).await;
    assert!(
        said(&told(&shop, &["QD-3"]).await, "acknowledged_orders").contains("rejected (payment_timeout)")
    );
}

/// Two carts, two orders, two payments: only who bought tells that one was wanted.
#[tokio::test]
async fn a_shopper_who_wanted_one_order_and_has_two_is_named() {
    let shop = Shop::with_every_kind_of_order().await;
    let address = |ids: [u32; 2]| {
        let [one, other] = ids.map(id);
        format!("UPDATE orders SET email = 'Buyer1@once.example.com' WHERE id IN ('{one}', '{other}')")
    };
    shop.execute(Orders, &address([101, 102])).await;
    assert_eq!(said(&told(&shop, &[]).await, "bought_once"), "", "a declined one may be followed by another");
    shop.execute(Orders, &address([101, 105])).await;
    let words = said(&told(&shop, &[]).await, "bought_once");
    assert!(words.contains("QD-1") && words.contains("QD-5"), "{words}");
}
