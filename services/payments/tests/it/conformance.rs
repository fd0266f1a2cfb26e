//! What every provider does, whatever stands behind it. Each adapter runs all of it.

use std::sync::Arc;

use shop_contracts::{Currency, Money};
use shop_payments::provider::sandbox::SandboxProvider;
use shop_payments::provider::{
    HoldDecision, HoldRequest, Lookup, PaymentProvider, ProviderError, RefundStanding, Standing,
};
use shop_payments::storage::sandbox::PgSandbox;

use crate::recording::Recording;
use crate::{fixture, order};

const AMOUNT: Money = Money { amount_minor: 1000, currency: Currency::Eur };

async fn hold(provider: &dyn PaymentProvider, key: &str) -> String {
    let hold = HoldRequest { key, order_id: order(), amount: AMOUNT, token: "tok_visa" };
    match provider.authorise(hold).await.unwrap() {
        HoldDecision::Approved { reference } => reference,
        HoldDecision::Declined { .. } => panic!("tok_visa is approved"),
    }
}

async fn standing(provider: &dyn PaymentProvider, reference: &str) -> (Standing, i64, i64) {
    let payment = provider.status(Lookup::Reference(reference)).await.unwrap().expect("it is known");
    (payment.standing, payment.captured_minor, payment.refunded_minor())
}

pub async fn conforms(provider: Arc<dyn PaymentProvider>) {
    let provider = provider.as_ref();
    // A repeated key is the same hold, found by key and by reference.
    let first = hold(provider, "order-1").await;
    let by_key = provider.status(Lookup::Key("order-1")).await.unwrap().expect("found by key");
    assert_eq!((by_key.reference.as_str(), by_key.standing), (first.as_str(), Standing::Held));
    assert!(provider.status(Lookup::Key("order-0")).await.unwrap().is_none());

    // Captured once; a repeat succeeds and takes nothing more, another capture is refused.
    provider.capture("capture-1", &first, AMOUNT).await.unwrap();
    provider.capture("capture-1", &first, AMOUNT).await.unwrap();
    assert_eq!(standing(provider, &first).await, (Standing::Captured, 1000, 0));
    let again = provider.capture("capture-2", &first, AMOUNT).await;
    assert!(matches!(again, Err(ProviderError::Refused(_))), "{again:?}");
    let void = provider.void("void-1", &first).await;
    assert!(matches!(void, Err(ProviderError::Refused(_))), "{void:?}");

    // Refunds by key, told with their key.
    let part = Money { amount_minor: 300, currency: Currency::Eur };
    for _ in 0..2 {
        assert_eq!(provider.refund("refund-1", &first, part).await.unwrap(), RefundStanding::Succeeded);
    }
    assert_eq!(standing(provider, &first).await, (Standing::Captured, 1000, 300));
    let payment = provider.status(Lookup::Reference(&first)).await.unwrap().unwrap();
    assert_eq!(payment.refunds[0].key.as_deref(), Some("refund-1"));

    // Voided once; what is voided cannot be taken.
    let second = hold(provider, "order-2").await;
    assert_ne!(first, second);
    provider.void("void-2", &second).await.unwrap();
    provider.void("void-2", &second).await.unwrap();
    assert_eq!(standing(provider, &second).await, (Standing::Released, 0, 0));
    let late = provider.capture("capture-3", &second, AMOUNT).await;
    assert!(matches!(late, Err(ProviderError::Refused(_))), "{late:?}");
}

#[tokio::test]
async fn the_sandbox_conforms() {
    let f = fixture().await;
    let books = PgSandbox::new(f.db.pool.clone());
    conforms(Arc::new(SandboxProvider { books, webhooks: None, clock: f.clock.shared() })).await;
}

#[tokio::test]
async fn the_recording_provider_of_these_tests_conforms() {
    conforms(Arc::new(Recording::new())).await;
}
