//! `inventory`: stock.

use async_trait::async_trait;
use serde_json::json;
use shop_contracts::inventory::{
    NewReservation, Reservation, ReservationLine, ReservationState, ReturnStock,
};
use shop_contracts::orders::{OrderLine, ReturnLine};
use shop_contracts::{OrderId, ReservationId};
use shop_instrumentation::Code;
use shop_instrumentation::client::{Call, ServiceClient};

use super::{is_final, not_now, refusal};
use crate::ports::{Confirming, NotNow, Reserving, Settling, Stock};

/// `inventory` over HTTP.
#[derive(Clone)]
pub struct HttpStock(pub ServiceClient);

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
            // Short (409 conflict), or a product that inventory does not know (422).
            Err(e) if e.code() == Code::Conflict && refusal(&e) == Some(409) => Ok(Reserving::OutOfStock),
            Err(e) if refusal(&e) == Some(422) => Ok(Reserving::OutOfStock),
            Err(e) => Err(not_now(&e)),
        }
    }

    async fn confirm(&self, reservation: ReservationId) -> Result<Confirming, NotNow> {
        let call = Call::post(format!("/v1/reservations/{reservation}/confirm"), &json!({})).idempotent();
        match self.0.request::<Reservation>(call).await {
            Ok(r) => match r.state {
                ReservationState::Confirmed => Ok(Confirming::Sold),
                ReservationState::Released | ReservationState::Expired => Ok(Confirming::Gone),
                ReservationState::Held => Err(NotNow("the reservation is still held".to_owned())),
            },
            Err(e) if is_final(&e) => Ok(Confirming::Gone),
            Err(e) => Err(not_now(&e)),
        }
    }

    async fn release(&self, reservation: ReservationId) -> Result<Settling, NotNow> {
        let call = Call::post(format!("/v1/reservations/{reservation}/release"), &json!({})).idempotent();
        match self.0.request::<Reservation>(call).await {
            Ok(r) => match r.state {
                ReservationState::Released | ReservationState::Expired => Ok(Settling::Done),
                ReservationState::Confirmed => Ok(Settling::Refused),
                ReservationState::Held => Err(NotNow("the reservation is still held".to_owned())),
            },
            // A reservation that inventory does not have holds nothing.
            Err(e) if refusal(&e) == Some(404) => Ok(Settling::Done),
            Err(e) if refusal(&e) == Some(409) => Ok(Settling::Refused),
            Err(e) => Err(not_now(&e)),
        }
    }

    async fn restock(
        &self,
        reservation: ReservationId,
        lines: &[ReturnLine],
        reason: &str,
        key: &str,
    ) -> Result<Settling, NotNow> {
        let line = |l: &ReturnLine| ReservationLine { product_id: l.product_id, quantity: l.quantity };
        let body = ReturnStock { lines: lines.iter().map(line).collect(), reason: reason.to_owned() };
        let call = Call::post(format!("/v1/reservations/{reservation}/returns"), &body).idempotency_key(key);
        match self.0.request::<Reservation>(call).await {
            Ok(_) => Ok(Settling::Done),
            Err(e) if is_final(&e) || refusal(&e) == Some(422) => {
                tracing::error!(%reservation, error = %e, "inventory refuses pieces back");
                Ok(Settling::Refused)
            }
            Err(e) => Err(not_now(&e)),
        }
    }
}
