//! Authorise, capture, void.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use shop_contracts::PaymentId;
use shop_contracts::payments::{Authorisation, AuthorisationOutcome, AuthorisationState, NewAuthorisation};
use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::faults::Faults;
use shop_instrumentation::{Code, Problem, ids};
use tracing::{Instrument as _, Span, field::Empty};

use crate::provider::PaymentProvider;
use crate::storage::postgres::{PgAuthorisations, Stored};
use crate::telemetry::{DECLINE, LATENCY, PaymentMetrics};

/// Longest token that a payment form hands out.
const MAX_TOKEN_BYTES: usize = 128;

/// Everything that the use cases need.
#[derive(Clone)]
pub struct Payments {
    pub authorisations: PgAuthorisations,
    pub provider: Arc<dyn PaymentProvider>,
    pub metrics: PaymentMetrics,
    pub faults: Faults,
    pub clock: SharedClock,
}

impl Payments {
    /// Holds money for an order, once. A repeated call (same key, or same order) answers what was decided the first
    /// time; the same key for something else is a conflict.
    pub async fn authorise(&self, key: &str, request: NewAuthorisation) -> Result<Authorisation, Problem> {
        check(&request)?;
        if let Some(known) = self.authorisations.find(key, request.order_id).await? {
            return same(known, key, &request);
        }
        let span = tracing::info_span!(
            "authorise payment",
            shop.order.id = %request.order_id,
            shop.payment.outcome = Empty,
            otel.status_code = Empty,
        );
        let outcome = self.decide(&request, &span).instrument(span.clone()).await?;
        let id = PaymentId::new(ids::new_id());
        let token_digest = Some(digest(&request.payment_token));
        let NewAuthorisation { order_id, amount, .. } = request;
        let authorisation = Authorisation {
            id,
            order_id,
            amount,
            outcome,
            state: AuthorisationState::Open,
            provider_reference: None,
            refunded_minor: 0,
        };
        let new = Stored { key: key.to_owned(), token_digest, authorisation };
        if self.authorisations.insert(&new, self.clock.now()).await? {
            self.metrics.authorisations.with_label_values(&[outcome.as_str()]).inc();
            return Ok(new.authorisation);
        }
        // Somebody else asked for the same at the same time and was first.
        let known = self.authorisations.find(key, request.order_id).await?;
        same(known.ok_or_else(|| Problem::new(Code::Conflict, "the authorisation vanished"))?, key, &request)
    }

    async fn decide(&self, request: &NewAuthorisation, span: &Span) -> Result<AuthorisationOutcome, Problem> {
        self.faults.delay(LATENCY).await;
        if self.faults.is_active(DECLINE) {
            span.record("shop.payment.outcome", "declined");
            span.record("otel.status_code", "ERROR");
            tracing::error!(order_id = %request.order_id, "payment declined by provider");
            return Ok(AuthorisationOutcome::Declined);
        }
        // The order is the provider's key: whatever keys our callers use, one order holds money once.
        match self.provider.authorise(&request.order_id.to_string(), request).await {
            Ok(outcome) => {
                span.record("shop.payment.outcome", outcome.as_str());
                if outcome == AuthorisationOutcome::Declined {
                    tracing::warn!(order_id = %request.order_id, "card was declined");
                }
                Ok(outcome)
            }
            Err(error) => {
                span.record("shop.payment.outcome", "error");
                span.record("otel.status_code", "ERROR");
                tracing::error!(order_id = %request.order_id, %error, "payment provider failed");
                self.metrics.authorisations.with_label_values(&["error"]).inc();
                Err(Problem::new(Code::Unavailable, "the payment provider does not answer").retry_after(1))
            }
        }
    }

    /// Takes the held money. Doing it again changes nothing.
    pub async fn capture(&self, id: PaymentId) -> Result<Authorisation, Problem> {
        self.settle(id, AuthorisationState::Captured).await
    }

    /// Gives the held money back. Doing it again changes nothing.
    pub async fn void(&self, id: PaymentId) -> Result<Authorisation, Problem> {
        self.settle(id, AuthorisationState::Voided).await
    }

    async fn settle(&self, id: PaymentId, state: AuthorisationState) -> Result<Authorisation, Problem> {
        let moved = self.authorisations.settle(id, state, self.clock.now()).await?;
        let authorisation = self.get(id).await?;
        if moved || authorisation.state == state {
            return Ok(authorisation);
        }
        let was = match authorisation.outcome {
            AuthorisationOutcome::Declined => "declined",
            AuthorisationOutcome::Approved => authorisation.state.as_str(),
        };
        Err(Problem::new(Code::Conflict, format!("the authorisation is already {was}")))
    }

    /// One by its id.
    pub async fn get(&self, id: PaymentId) -> Result<Authorisation, Problem> {
        let found = self.authorisations.find_by_id(id).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "no such authorisation"))
    }
}

fn check(request: &NewAuthorisation) -> Result<(), Problem> {
    let invalid =
        |field: &str, detail: &str| Problem::new(Code::Invalid, "invalid authorisation").field(field, detail);
    if request.amount.amount_minor <= 0 {
        return Err(invalid("amount", "must be positive"));
    }
    let token = &request.payment_token;
    if token.is_empty() || token.len() > MAX_TOKEN_BYTES || !token.starts_with("tok_") {
        return Err(invalid("payment_token", "is not a payment token"));
    }
    Ok(())
}

fn same(known: Stored, key: &str, request: &NewAuthorisation) -> Result<Authorisation, Problem> {
    let Authorisation { order_id, amount, .. } = known.authorisation;
    // Another key for a decided order hears the decision again; the same key must mean the same card too.
    let other_card = known.key == key
        && known.token_digest.as_ref().is_some_and(|known| *known != digest(&request.payment_token));
    if order_id == request.order_id && amount == request.amount && !other_card {
        return Ok(known.authorisation);
    }
    Err(Problem::new(Code::Conflict, "this key or order already has an authorisation for something else"))
}

fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
