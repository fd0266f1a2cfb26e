//! The ports over HTTP.

use async_trait::async_trait;
use serde_json::json;
use shop_contracts::catalog::{Product, Products};
use shop_contracts::inventory::{NewReservation, Reservation, ReservationLine, ReservationState};
use shop_contracts::orders::OrderLine;
use shop_contracts::payments::{Authorisation, AuthorisationOutcome, NewAuthorisation};
use shop_contracts::{Money, OrderId, PaymentId, ProductId, ReservationId};
use shop_instrumentation::Code;
use shop_instrumentation::client::{Call, CallError, ServiceClient};

use crate::ports::{Authorising, Confirming, NotNow, PaymentGateway, PriceList, Reserving, Stock};

/// `catalog`.
#[derive(Clone)]
pub struct HttpPriceList(pub ServiceClient);

/// `inventory`.
#[derive(Clone)]
pub struct HttpStock(pub ServiceClient);

/// `payments`.
#[derive(Clone)]
pub struct HttpPaymentGateway(pub ServiceClient);

fn not_now(error: &CallError) -> NotNow {
    NotNow(error.to_string())
}

/// The peer understood and said no, for good.
fn refused_with(error: &CallError, codes: &[Code]) -> bool {
    matches!(error, CallError::Problem { code, .. } if codes.contains(code))
}

#[async_trait]
impl PriceList for HttpPriceList {
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<Product>, NotNow> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let call = Call::get(format!("/v1/products-by-id?ids={}", ids.join(",")));
        Ok(self.0.request::<Products>(call).await.map_err(|e| not_now(&e))?.products)
    }
}

#[async_trait]
impl Stock for HttpStock {
    async fn reserve(&self, order: OrderId, lines: &[OrderLine]) -> Result<Reserving, NotNow> {
        let line = |l: &OrderLine| ReservationLine { product_id: l.product_id, quantity: l.quantity };
        let body = NewReservation { order_id: order, lines: lines.iter().map(line).collect() };
        let call = Call::post("/v1/reservations", &body).idempotency_key(order.to_string());
        match self.0.request::<Reservation>(call).await {
            // Confirmed counts as held: its confirmation is repeated harmlessly.
            Ok(r) if matches!(r.state, ReservationState::Held | ReservationState::Confirmed) => {
                Ok(Reserving::Held(r.id))
            }
            Ok(_) => Ok(Reserving::OutOfStock),
            Err(e) if refused_with(&e, &[Code::Conflict, Code::Invalid]) => Ok(Reserving::OutOfStock),
            Err(e) => Err(not_now(&e)),
        }
    }

    async fn confirm(&self, reservation: ReservationId) -> Result<Confirming, NotNow> {
        let call = Call::post(format!("/v1/reservations/{reservation}/confirm"), &json!({})).idempotent();
        match self.0.request::<Reservation>(call).await {
            Ok(_) => Ok(Confirming::Sold),
            Err(e) if refused_with(&e, &[Code::Conflict, Code::NotFound]) => Ok(Confirming::Gone),
            Err(e) => Err(not_now(&e)),
        }
    }

    async fn release(&self, reservation: ReservationId) -> Result<(), NotNow> {
        let call = Call::post(format!("/v1/reservations/{reservation}/release"), &json!({})).idempotent();
        match self.0.request::<Reservation>(call).await {
            Err(e) if !refused_with(&e, &[Code::NotFound]) => Err(not_now(&e)),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl PaymentGateway for HttpPaymentGateway {
    async fn authorise(&self, order: OrderId, amount: Money, token: &str) -> Result<Authorising, NotNow> {
        let body = NewAuthorisation { order_id: order, amount, payment_token: token.to_owned() };
        let call = Call::post("/v1/authorisations", &body).idempotency_key(order.to_string());
        match self.0.request::<Authorisation>(call).await {
            Ok(a) if a.outcome == AuthorisationOutcome::Approved => Ok(Authorising::Approved(a.id)),
            Ok(_) => Ok(Authorising::Declined),
            // A token that is none is as good as a declined card.
            Err(e) if refused_with(&e, &[Code::Invalid, Code::Conflict]) => Ok(Authorising::Declined),
            Err(e) => Err(not_now(&e)),
        }
    }

    async fn capture(&self, authorisation: PaymentId) -> Result<(), NotNow> {
        settle(&self.0, authorisation, "capture").await
    }

    async fn void(&self, authorisation: PaymentId) -> Result<(), NotNow> {
        settle(&self.0, authorisation, "void").await
    }
}

async fn settle(client: &ServiceClient, authorisation: PaymentId, verb: &str) -> Result<(), NotNow> {
    let call = Call::post(format!("/v1/authorisations/{authorisation}/{verb}"), &json!({})).idempotent();
    client.request::<Authorisation>(call).await.map(|_| ()).map_err(|e| not_now(&e))
}
