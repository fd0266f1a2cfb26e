//! The provider's books beside ours: every difference is found, told, and settled where that is safe.

use serde_json::{Value, json};
use shop_contracts::{OrderId, PaymentId};
use shop_testkit::http;

use crate::{Fixture, body, fixture, order};

struct Held {
    id: PaymentId,
    order: OrderId,
    reference: String,
}

async fn held(f: &Fixture) -> Held {
    let order = order();
    let key = order.to_string();
    let held: Value =
        http::post(&f.router, "/v1/authorisations", &key, &body(order, 500, "tok_visa")).await.json();
    let reference = held["provider_reference"].as_str().unwrap().to_owned();
    Held { id: serde_json::from_value(held["id"].clone()).unwrap(), order, reference }
}

/// Lets the books be compared, twice: a remedy, and the comparison that closes the difference.
async fn compared(f: &Fixture) {
    for _ in 0..4 {
        f.clock.advance_seconds(61);
        f.payments.reconcile().await.unwrap();
    }
}

async fn differences(f: &Fixture) -> Vec<(String, bool)> {
    sqlx::query_as("SELECT kind, resolved_at IS NOT NULL FROM payment_differences ORDER BY kind")
        .fetch_all(&f.db.pool)
        .await
        .unwrap()
}

async fn set_state(f: &Fixture, id: PaymentId, state: &str) {
    sqlx::query("UPDATE authorisations SET state = $2 WHERE id = $1")
        .bind(id.uuid())
        .bind(state)
        .execute(&f.db.pool)
        .await
        .unwrap();
}

async fn state(f: &Fixture, id: PaymentId) -> String {
    f.payments.get(id).await.unwrap().state.as_str().to_owned()
}

fn gauge(f: &Fixture, kind: &str) -> i64 {
    f.payments.metrics.differences.with_label_values(&[kind]).get()
}

#[tokio::test]
async fn books_that_agree_show_no_difference() {
    let f = fixture().await;
    let (kept, taken, dropped) = (held(&f).await, held(&f).await, held(&f).await);
    f.payments.capture(taken.id).await.unwrap();
    f.payments.void(dropped.id).await.unwrap();
    let refund = json!({"amount": {"amount_minor": 200, "currency": "EUR"}});
    http::post(&f.router, &format!("/v1/authorisations/{}/refunds", taken.id), "r", &refund).await;
    compared(&f).await;
    assert_eq!(differences(&f).await, []);
    let states = [state(&f, kept.id).await, state(&f, taken.id).await, state(&f, dropped.id).await];
    assert_eq!(states, ["open", "captured", "voided"]);
}

#[tokio::test]
async fn what_the_provider_took_or_gave_back_without_us_is_taken_over() {
    let f = fixture().await;
    let (taken, dropped) = (held(&f).await, held(&f).await);
    let amount = f.payments.get(taken.id).await.unwrap().amount;
    f.payments.provider.capture("by-hand", &taken.reference, amount).await.unwrap();
    f.payments.provider.void("by-hand", &dropped.reference).await.unwrap();
    compared(&f).await;
    assert_eq!(
        (state(&f, taken.id).await, state(&f, dropped.id).await),
        ("captured".into(), "voided".into())
    );
    let resolved = |kind: &str| (kind.to_owned(), true);
    assert_eq!(differences(&f).await, [resolved("captured_there_only"), resolved("voided_there_only")]);
}

#[tokio::test]
async fn what_only_we_believe_was_done_is_done() {
    let f = fixture().await;
    let (taken, dropped) = (held(&f).await, held(&f).await);
    set_state(&f, taken.id, "captured").await;
    set_state(&f, dropped.id, "voided").await;
    compared(&f).await;
    assert_eq!(f.moved(taken.order, "capture").await, [500]);
    assert_eq!(f.moved(dropped.order, "release").await, [500]);
    let resolved = |kind: &str| (kind.to_owned(), true);
    assert_eq!(differences(&f).await, [resolved("captured_here_only"), resolved("voided_here_only")]);
    assert_eq!(gauge(&f, "captured_here_only"), 0);
}

#[tokio::test]
async fn money_that_moved_without_us_stays_told_until_a_person_looks() {
    let f = fixture().await;
    let (refunded, gone) = (held(&f).await, held(&f).await);
    f.payments.capture(refunded.id).await.unwrap();
    let amount = shop_contracts::Money::new(120, f.payments.get(refunded.id).await.unwrap().amount.currency);
    f.payments.provider.refund("by-hand", &refunded.reference, amount).await.unwrap();
    let renamed = "UPDATE authorisations SET provider_reference = 'sbx_nobody' WHERE id = $1";
    sqlx::query(renamed).bind(gone.id.uuid()).execute(&f.db.pool).await.unwrap();
    compared(&f).await;
    let open = |kind: &str| (kind.to_owned(), false);
    assert_eq!(differences(&f).await, [open("refund_differs"), open("unknown_there")]);
    assert_eq!(
        (gauge(&f, "refund_differs"), gauge(&f, "unknown_there"), gauge(&f, "voided_here_only")),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn the_lag_is_the_age_of_the_oldest_answer_that_did_not_come() {
    let f = fixture().await;
    http::post(&f.router, "/v1/authorisations", "k", &body(order(), 500, "tok_error")).await;
    f.payments.reconcile().await.unwrap();
    f.clock.advance_seconds(9);
    f.payments.reconcile().await.unwrap();
    assert!((f.payments.metrics.reconciliation_lag.get() - 9.0).abs() < 0.001);
    f.clock.advance_seconds(60);
    f.payments.reconcile().await.unwrap();
    assert!(
        f.payments.metrics.reconciliation_lag.get() < 0.001,
        "the provider's books told that nothing is held"
    );
}

/// A round takes a batch of each kind: what it leaves has waited since it was due, whatever its age is.
#[tokio::test]
async fn what_a_round_leaves_is_overdue_and_one_card_that_is_never_decided_is_not() {
    let f = fixture().await;
    let overdue = || f.payments.metrics.reconciliation_overdue.get();
    let stuck = order();
    for round in 0..60 {
        http::post(&f.router, "/v1/authorisations", "stuck", &body(stuck, 500, "tok_error")).await;
        f.clock.advance_seconds(5);
        f.payments.reconcile().await.unwrap();
        assert!(overdue() < 0.001, "round {round}: it is taken up whenever it is due");
    }
    for i in 0..40 {
        http::post(&f.router, "/v1/authorisations", &format!("k{i}"), &body(order(), 500, "tok_error")).await;
    }
    f.clock.advance_seconds(9);
    f.payments.reconcile().await.unwrap();
    assert!((overdue() - 8.0).abs() < 0.001, "due a second after it failed: {}", overdue());
    f.payments.reconcile().await.unwrap();
    assert!(overdue() < 0.001, "{}", overdue());
}

/// Twenty rounds on two instances at the same moment ask each open operation once.
#[tokio::test]
async fn instances_share_the_open_operations() {
    let f = fixture().await;
    for i in 0..40 {
        http::post(&f.router, "/v1/authorisations", &format!("k{i}"), &body(order(), 500, "tok_error")).await;
    }
    f.clock.advance_seconds(9);
    let turn = shop_payments::storage::begin::Turn {
        now: shop_instrumentation::clock::Clock::now(&f.clock),
        lease: chrono::Duration::seconds(5),
    };
    let claims = (0..8).map(|_| f.payments.store.claim_operations(10, turn));
    let mut ids = Vec::new();
    for claimed in futures::future::join_all(claims).await {
        let claimed = claimed.unwrap();
        assert!(claimed.len() <= 10, "a batch is bounded");
        ids.extend(claimed.into_iter().map(|o| o.id));
    }
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (40, 40));
}
