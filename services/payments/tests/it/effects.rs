//! What the provider really did, whatever was lost, late, cut off or repeated.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shop_contracts::OrderId;
use shop_contracts::payments::NewAuthorisation;
use shop_payments::payments::{Limits, Payments};
use shop_payments::storage::PgPayments;
use shop_testkit::{eventually, http};

use crate::recording::{Answers, Recording};
use crate::{Fixture, body, fixture, order};

/// Payments whose provider is given up on after a tenth of a second, and the provider's book.
fn recorded(f: &Fixture) -> (Payments, Arc<Recording>) {
    let provider = Arc::new(Recording::new());
    let limits = Limits { call: Duration::from_millis(100), ..Limits::default() };
    (Payments { limits, ..f.with_provider(provider.clone()) }, provider)
}

fn request(order: OrderId) -> NewAuthorisation {
    serde_json::from_value(body(order, 700, "tok_visa")).unwrap()
}

async fn captured_rows(f: &Fixture) -> i64 {
    sqlx::query_scalar(
        "SELECT COALESCE(sum(amount_minor), 0)::bigint FROM authorisations WHERE state = 'captured'",
    )
    .fetch_one(&f.db.pool)
    .await
    .unwrap()
}

/// Lets the reconciler work until nothing is open.
async fn reconciled(f: &Fixture, payments: &Payments) {
    eventually("every operation is settled", || async {
        f.clock.advance_seconds(2);
        payments.reconcile().await.unwrap();
        let open: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM payment_operations WHERE state IN ('requested', 'unknown')",
        )
        .fetch_one(&f.db.pool)
        .await
        .unwrap();
        open == 0
    })
    .await;
}

#[tokio::test]
async fn an_answer_lost_after_the_decision_is_found_and_holds_once() {
    for answers in [Answers::Lost, Answers::Never] {
        let f = fixture().await;
        let (payments, provider) = recorded(&f);
        let router = shop_payments::http::router(payments.clone(), None);
        let order = order();
        provider.answers(answers);
        let first = http::post(&router, "/v1/authorisations", "k", &body(order, 700, "tok_visa")).await;
        assert_eq!((first.status.as_u16(), first.code()), (503, "in_progress".to_owned()), "{answers:?}");
        assert!(first.headers.contains_key("retry-after"));
        let again = http::post(&router, "/v1/authorisations", "k", &body(order, 700, "tok_visa")).await;
        assert_eq!(again.status.as_u16(), 503);
        assert_eq!(provider.effects(order, "hold"), [700], "a repeat holds nothing more");
        provider.answers(Answers::Arrive);
        reconciled(&f, &payments).await;
        let known = http::post(&router, "/v1/authorisations", "k", &body(order, 700, "tok_visa")).await;
        let known: Value = known.json();
        assert_eq!((&known["outcome"], &known["provider_reference"]), (&json!("approved"), &json!("rec_0")));
        assert_eq!(provider.effects(order, "hold"), [700]);
    }
}

#[tokio::test]
async fn a_request_that_goes_away_does_not_cut_the_call_off() {
    let f = fixture().await;
    let (mut payments, provider) = recorded(&f);
    payments.limits.call = Duration::from_secs(30);
    provider.answers(Answers::Gated);
    let order = order();
    let asking = {
        let payments = payments.clone();
        tokio::spawn(async move { payments.authorise("k", request(order)).await })
    };
    provider.arrived.acquire().await.unwrap().forget();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert_eq!(provider.effects(order, "hold"), [] as [i64; 0], "the provider has not decided yet");
    provider.gate.add_permits(1);
    eventually("the answer is written though nobody waits", || async {
        payments.store.find_of_order(order).await.unwrap().is_some()
    })
    .await;
    provider.answers(Answers::Arrive);
    let known = payments.authorise("k", request(order)).await.unwrap();
    assert_eq!(known.provider_reference.as_deref(), Some("rec_0"));
    assert_eq!(provider.effects(order, "hold"), [700]);
}

#[tokio::test]
async fn twenty_calls_at_once_on_two_instances_hold_and_take_once() {
    let f = fixture().await;
    let (mut one, provider) = recorded(&f);
    one.limits.call = Duration::from_secs(5);
    provider.answers(Answers::Gated);
    let two = Payments { calls: tokio_util::task::TaskTracker::new(), ..one.clone() };
    let order = order();
    let asking = (0..20).map(|i| {
        let payments = if i % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(
            async move { payments.authorise(if i % 3 == 0 { "a" } else { "b" }, request(order)).await },
        )
    });
    let asking: Vec<_> = asking.collect();
    provider.arrived.acquire().await.unwrap().forget();
    provider.gate.add_permits(100);
    let mut ids = std::collections::BTreeSet::new();
    for asked in asking {
        ids.insert(asked.await.unwrap().unwrap().id);
    }
    assert_eq!((ids.len(), provider.effects(order, "hold")), (1, vec![700]));
    assert_eq!(provider.arrived.available_permits(), 0, "one asked, the others waited for its answer");
    let id = *ids.first().unwrap();
    provider.answers(Answers::Arrive);
    let taking = (0..20).map(|i| if i % 2 == 0 { one.capture(id) } else { two.capture(id) });
    for taken in futures::future::join_all(taking).await {
        assert_eq!(taken.unwrap().state.as_str(), "captured");
    }
    assert_eq!(provider.effects(order, "capture"), [700]);
    assert_eq!(captured_rows(&f).await, provider.taken());
}

/// The process that asked dies between the written request and the answer; another one finds out.
#[test]
fn a_process_that_dies_while_it_asks_leaves_one_hold_and_the_next_one_learns_of_it() {
    let survivor = tokio::runtime::Runtime::new().unwrap();
    let f = survivor.block_on(fixture());
    let (payments, provider) = recorded(&f);
    provider.answers(Answers::Never);
    let order = order();
    let doomed = tokio::runtime::Runtime::new().unwrap();
    doomed.block_on(async {
        let pool = sqlx::PgPool::connect(&f.db.url).await.unwrap();
        let limits = Limits { call: Duration::from_mins(1), ..Limits::default() };
        let calls = tokio_util::task::TaskTracker::new();
        let dying = Payments { store: PgPayments::new(pool), limits, calls, ..payments.clone() };
        tokio::spawn(async move { dying.authorise("k", request(order)).await });
        provider.arrived.acquire().await.unwrap().forget();
    });
    doomed.shutdown_background();
    survivor.block_on(async {
        let hold = payments.store.find_hold(order).await.unwrap().expect("the request was written first");
        assert_eq!(hold.state.as_str(), "requested");
        assert!(payments.store.find_of_order(order).await.unwrap().is_none());
        provider.answers(Answers::Arrive);
        f.clock.advance_seconds(120);
        reconciled(&f, &payments).await;
        let known = payments.authorise("k", request(order)).await.unwrap();
        assert_eq!(known.outcome.as_str(), "approved");
        assert_eq!(provider.effects(order, "hold"), [700]);
    });
}

#[tokio::test]
async fn captures_voids_and_refunds_whose_answers_are_lost_happen_once() {
    for answers in [Answers::Lost, Answers::Never] {
        let f = fixture().await;
        let (payments, provider) = recorded(&f);
        let router = shop_payments::http::router(payments.clone(), None);
        let (sold, dropped) = (order(), order());
        let sold_id = payments.authorise("a", request(sold)).await.unwrap().id;
        let dropped_id = payments.authorise("b", request(dropped)).await.unwrap().id;
        provider.answers(answers);
        for (id, verb) in [(sold_id, "capture"), (dropped_id, "void")] {
            let answer =
                http::post(&router, &format!("/v1/authorisations/{id}/{verb}"), "x", &json!({})).await;
            assert_eq!(answer.status.as_u16(), 503, "{verb}");
        }
        // Whether what is being captured can be voided is not known yet.
        let void = http::post(&router, &format!("/v1/authorisations/{sold_id}/void"), "x", &json!({})).await;
        assert_eq!(void.status.as_u16(), 503, "{}", void.text());
        provider.answers(Answers::Arrive);
        reconciled(&f, &payments).await;
        assert_eq!(payments.get(sold_id).await.unwrap().state.as_str(), "captured");
        assert_eq!(payments.get(dropped_id).await.unwrap().state.as_str(), "voided");

        provider.answers(answers);
        let refund = json!({"amount": {"amount_minor": 300, "currency": "EUR"}});
        let path = format!("/v1/authorisations/{sold_id}/refunds");
        for _ in 0..2 {
            let answer = http::post(&router, &path, "r", &refund).await;
            assert_eq!(answer.status.as_u16(), 201);
            assert_eq!(answer.json::<Value>()["state"], "requested");
        }
        provider.answers(Answers::Arrive);
        reconciled(&f, &payments).await;
        assert_eq!(http::post(&router, &path, "r", &refund).await.json::<Value>()["state"], "succeeded");
        assert_eq!(payments.get(sold_id).await.unwrap().refunded_minor, 300);

        assert_eq!(provider.effects(sold, "capture"), [700]);
        assert_eq!(provider.effects(sold, "refund"), [300]);
        assert_eq!(provider.effects(dropped, "void"), [700]);
        assert_eq!(provider.effects(dropped, "capture"), [] as [i64; 0]);
        assert_eq!(captured_rows(&f).await, provider.taken());
    }
}

#[tokio::test]
async fn a_capture_that_never_reached_the_provider_is_asked_again() {
    let f = fixture().await;
    let (payments, provider) = recorded(&f);
    let order = order();
    let id = payments.authorise("a", request(order)).await.unwrap().id;
    // The gate stays shut: the call is given up on before it has an effect.
    provider.answers(Answers::Gated);
    payments.capture(id).await.unwrap_err();
    assert_eq!(provider.effects(order, "capture"), [] as [i64; 0]);
    provider.answers(Answers::Arrive);
    reconciled(&f, &payments).await;
    assert_eq!(payments.get(id).await.unwrap().state.as_str(), "captured");
    assert_eq!(provider.effects(order, "capture"), [700]);
}

#[tokio::test]
async fn a_hold_that_never_reached_the_provider_ends_and_may_be_asked_for_again() {
    let f = fixture().await;
    let (payments, provider) = recorded(&f);
    let order = order();
    provider.answers(Answers::Gated);
    payments.authorise("k", request(order)).await.unwrap_err();
    provider.answers(Answers::Arrive);
    reconciled(&f, &payments).await;
    assert_eq!(payments.store.find_hold(order).await.unwrap().unwrap().state.as_str(), "failed");
    assert!(payments.store.find_of_order(order).await.unwrap().is_none(), "it is not called declined");
    payments.authorise("k", request(order)).await.unwrap();
    assert_eq!(provider.effects(order, "hold"), [700]);
}
