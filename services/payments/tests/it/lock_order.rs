//! A webhook and the answer that it tells of arrive together: both write the authorisation and its operations.

use chrono::Duration;
use shop_contracts::payments::NewAuthorisation;
use shop_contracts::{Currency, Money, PaymentId};
use shop_instrumentation::clock::Clock as _;
use shop_payments::operation::{Kind, Operation, Settled};
use shop_payments::storage::begin::{Begun, Takeover, Turn};
use shop_payments::webhook::Event;

use crate::{Fixture, fixture, order};

const ROUNDS: usize = 150;
/// Webhooks at once: providers repeat themselves under new ids.
const WEBHOOKS: usize = 4;

/// A payment that is held under `reference`.
async fn held(f: &Fixture, turn: Turn, reference: &str) -> PaymentId {
    let amount = Money::new(700, Currency::Eur);
    let request = NewAuthorisation { order_id: order(), amount, payment_token: "tok_visa".to_owned() };
    let hold = Operation::authorise(reference, &request, turn.now);
    let begun = f.payments.store.begin_hold(&hold, Takeover::Claim, turn).await.unwrap();
    assert!(matches!(begun, Begun::Claimed(_)));
    let approved = Settled::Succeeded { reference: Some(reference.to_owned()) };
    assert!(f.payments.store.finish(&hold, &approved, turn.now).await.unwrap());
    hold.payment_id
}

/// Postgres ends one of two that wait for each other with 40P01, and that would be an error here.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_webhook_and_the_answer_of_one_payment_never_wait_for_each_other() {
    let f = fixture().await;
    let turn = Turn { now: f.clock.now(), lease: Duration::seconds(30) };
    for round in 0..ROUNDS {
        let reference = format!("sbx_{round}");
        let payment = held(&f, turn, &reference).await;
        let begun =
            f.payments.store.begin_settling(payment, Kind::Capture, Takeover::Claim, turn).await.unwrap();
        let Begun::Claimed(capture) = begun else { panic!("{begun:?}") };
        let start = std::sync::Arc::new(tokio::sync::Barrier::new(WEBHOOKS + 1));
        let webhooks: Vec<_> = (0..WEBHOOKS)
            .map(|i| {
                let (store, start, now) = (f.payments.store.clone(), start.clone(), turn.now);
                let event = Event {
                    id: format!("evt_{round}_{i}"),
                    reference: reference.clone(),
                    key: Some(capture.provider_key.clone()),
                };
                tokio::spawn(async move {
                    start.wait().await;
                    store.hint("sandbox", &event, now).await
                })
            })
            .collect();
        start.wait().await;
        let answered = Settled::Succeeded { reference: None };
        let finished = f.payments.store.finish(&capture, &answered, turn.now).await;
        assert!(finished.expect("the answer is written"), "round {round}");
        for webhook in webhooks {
            assert!(webhook.await.unwrap().expect("the webhook is written"), "round {round}");
        }
        let known = f.payments.store.find(payment).await.unwrap().expect("the payment is there");
        assert_eq!(known.state.as_str(), "captured");
    }
}
