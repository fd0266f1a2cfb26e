//! What a repeated authorisation may and may not do.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use shop_contracts::payments::{AuthorisationOutcome, NewAuthorisation};
use shop_payments::provider::{PaymentProvider, ProviderError};
use shop_testkit::http;
use tokio::sync::Barrier;

use crate::{body, fixture, order, rows};

/// Keeps what a real provider tells repeats by. Nobody is answered before all have asked, so that the calls overlap.
struct Recording {
    keys: Mutex<Vec<String>>,
    all_asked: Barrier,
}

#[async_trait]
impl PaymentProvider for Recording {
    async fn authorise(
        &self,
        key: &str,
        _: &NewAuthorisation,
    ) -> Result<AuthorisationOutcome, ProviderError> {
        self.keys.lock().unwrap().push(key.to_owned());
        self.all_asked.wait().await;
        Ok(AuthorisationOutcome::Approved)
    }
}

#[tokio::test]
async fn the_provider_sees_one_key_an_order_whatever_the_callers_key() {
    let f = fixture().await;
    let provider = Arc::new(Recording { keys: Mutex::default(), all_asked: Barrier::new(3) });
    let payments = shop_payments::authorise::Payments { provider: provider.clone(), ..f.payments.clone() };
    let router = shop_payments::http::router(payments);
    let request = body(order(), 700, "tok_visa");
    let calls = ["one", "two", "three"].map(|key| http::post(&router, "/v1/authorisations", key, &request));
    futures::future::join_all(calls).await;
    let keys: BTreeSet<String> = provider.keys.lock().unwrap().iter().cloned().collect();
    assert_eq!((keys.len(), rows(&f).await), (1, 1), "two keys would hold the money twice: {keys:?}");
}

#[tokio::test]
async fn a_key_with_another_card_is_a_conflict() {
    let f = fixture().await;
    let order = order();
    http::post(&f.router, "/v1/authorisations", "k", &body(order, 100, "tok_visa")).await;
    let other = http::post(&f.router, "/v1/authorisations", "k", &body(order, 100, "tok_declined")).await;
    assert_eq!((other.status.as_u16(), other.code()), (409, "conflict".to_owned()));
    let another_key =
        http::post(&f.router, "/v1/authorisations", "k2", &body(order, 100, "tok_declined")).await;
    assert_eq!(another_key.status.as_u16(), 201, "the order is decided: the decision is told again");
    assert_eq!(another_key.json::<serde_json::Value>()["outcome"], "approved");
}

#[tokio::test]
async fn the_payment_token_is_not_kept() {
    let f = fixture().await;
    http::post(&f.router, "/v1/authorisations", "k", &body(order(), 100, "tok_visa")).await;
    let row: String = sqlx::query_scalar("SELECT authorisations::text FROM authorisations")
        .fetch_one(&f.db.pool)
        .await
        .unwrap();
    assert!(!row.contains("tok_visa"), "{row}");
}
