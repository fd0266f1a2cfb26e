//! `payments`: money.

use async_trait::async_trait;
use serde_json::json;
use shop_contracts::payments::{
    Abandoned, Authorisation, AuthorisationOutcome, AuthorisationState, NewAuthorisation, NewRefund, Refund,
    RefundState,
};
use shop_contracts::{Money, OrderId, PaymentId};
use shop_instrumentation::Code;
use shop_instrumentation::client::{Call, CallError, ServiceClient};

use super::{is_final, not_now, refusal};
use crate::ports::{Authorising, NotNow, PaymentGateway, Settling};

/// Longest reason that payments takes, bytes.
const MAX_REASON_BYTES: usize = 200;

/// `payments` over HTTP.
#[derive(Clone)]
pub struct HttpPaymentGateway(pub ServiceClient);

#[async_trait]
impl PaymentGateway for HttpPaymentGateway {
    async fn authorise(&self, order: OrderId, amount: Money, token: &str) -> Result<Authorising, NotNow> {
        let body = NewAuthorisation { order_id: order, amount, payment_token: token.to_owned() };
        let call = Call::post("/v1/authorisations", &body).idempotency_key(order.to_string());
        match self.0.request::<Authorisation>(call).await {
            Ok(known) => decided(order, amount, &known),
            // The order is authorised already: what counts is what was decided then.
            Err(e) if e.code() == Code::KeyReused => match e.existing::<Authorisation>() {
                Some(known) => decided(order, amount, &known),
                None => Err(not_now(&e)),
            },
            // A token that is none is as good as a declined card; an abandoned order holds no money.
            Err(e) if matches!(refusal(&e), Some(409 | 422)) => Ok(Authorising::Declined),
            Err(e) => Err(not_now(&e)),
        }
    }

    async fn capture(&self, authorisation: PaymentId) -> Result<Settling, NotNow> {
        let answer = settle(&self.0, authorisation, "capture").await;
        settled(authorisation, "capture", answer, |state| match state {
            AuthorisationState::Captured | AuthorisationState::Refunded => Some(Settling::Done),
            AuthorisationState::Voided => Some(Settling::Refused),
            AuthorisationState::Open => None,
        })
    }

    async fn void(&self, authorisation: PaymentId) -> Result<Settling, NotNow> {
        let answer = settle(&self.0, authorisation, "void").await;
        settled(authorisation, "void", answer, |state| match state {
            AuthorisationState::Voided => Some(Settling::Done),
            AuthorisationState::Captured | AuthorisationState::Refunded => Some(Settling::Refused),
            AuthorisationState::Open => None,
        })
    }

    async fn abandon(&self, order: OrderId) -> Result<Settling, NotNow> {
        let call = Call::post(format!("/v1/orders/{order}/abandon"), &json!({})).idempotent();
        match self.0.request::<Abandoned>(call).await {
            Ok(_) => Ok(Settling::Done),
            Err(e) if is_final(&e) => {
                tracing::error!(order_id = %order, error = %e, "payments refuses to abandon an order");
                Ok(Settling::Refused)
            }
            Err(e) => Err(not_now(&e)),
        }
    }

    async fn refund(
        &self,
        authorisation: PaymentId,
        amount: Money,
        reason: &str,
        key: &str,
    ) -> Result<Settling, NotNow> {
        let reason = reason[..reason.floor_char_boundary(MAX_REASON_BYTES)].to_owned();
        let body = NewRefund { amount, reason };
        let call = Call::post(format!("/v1/authorisations/{authorisation}/refunds"), &body);
        match self.0.request::<Refund>(call.idempotency_key(key)).await {
            Ok(refund) if refund.amount != amount => {
                Err(NotNow("payments answered another refund's amount".to_owned()))
            }
            Ok(refund) => match refund.state {
                RefundState::Succeeded => Ok(Settling::Done),
                RefundState::Failed => Ok(Settling::Refused),
                RefundState::Requested => Err(NotNow("the provider has not confirmed the refund".to_owned())),
            },
            Err(e) if is_final(&e) || refusal(&e) == Some(422) => {
                tracing::error!(%authorisation, error = %e, "payments refuses a refund");
                Ok(Settling::Refused)
            }
            Err(e) => Err(not_now(&e)),
        }
    }
}

/// What an authorisation means for the order, if it is the order's and holds what the order costs.
fn decided(order: OrderId, amount: Money, known: &Authorisation) -> Result<Authorising, NotNow> {
    if known.order_id != order || known.amount != amount {
        return Err(NotNow("payments answered an authorisation of another order or amount".to_owned()));
    }
    match (known.outcome, known.state) {
        (AuthorisationOutcome::Declined, _)
        | (AuthorisationOutcome::Approved, AuthorisationState::Voided) => Ok(Authorising::Declined),
        (AuthorisationOutcome::Approved, _) => Ok(Authorising::Approved(known.id)),
    }
}

async fn settle(
    client: &ServiceClient,
    authorisation: PaymentId,
    verb: &str,
) -> Result<Authorisation, CallError> {
    let call = Call::post(format!("/v1/authorisations/{authorisation}/{verb}"), &json!({})).idempotent();
    client.request::<Authorisation>(call).await
}

/// 404 and 409 are final answers. A 200 counts only with the state that was asked for: an order must not be told to be
/// paid because some answer came.
fn settled(
    authorisation: PaymentId,
    verb: &'static str,
    answer: Result<Authorisation, CallError>,
    reached: impl Fn(AuthorisationState) -> Option<Settling>,
) -> Result<Settling, NotNow> {
    match answer {
        Ok(known) if known.id != authorisation => {
            Err(NotNow("payments answered another authorisation".to_owned()))
        }
        Ok(known) => reached(known.state)
            .ok_or_else(|| NotNow(format!("{verb} was answered, but the money is as before"))),
        Err(e) if is_final(&e) => {
            tracing::error!(%authorisation, verb, error = %e, "payments refuses for good");
            Ok(Settling::Refused)
        }
        Err(e) => Err(not_now(&e)),
    }
}
