//! Rows of `orders`, and what they say.

use chrono::{DateTime, Utc};
use shop_contracts::charges::{Charges, TaxShare};
use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::orders::{Address, CartRef, Order, OrderReturn, OrderStatus, Shipment};
use shop_contracts::{AccountId, Currency, Money, OrderId, PaymentId, ReservationId};
use sqlx::types::Json;
use uuid::Uuid;

use super::named::Named;
use super::postgres::Stored;
use crate::saga::step::{Progress, Reason, Review, Step};

/// A query for whole rows of `orders`: what comes before the columns, what comes after them, and its parameters.
macro_rules! order_rows {
    ($before:literal, $after:literal $(, $parameter:expr)* $(,)?) => {
        sqlx::query_as!(
            $crate::storage::rows::OrderRow,
            $before
                + "id, number, account_id, email, ship_to AS \"ship_to: _\", payment_token, total_minor, \
                   currency AS \"currency: _\", status AS \"status: _\", step AS \"step: _\", reservation_id, \
                   authorisation_id, reason AS \"reason: _\", review AS \"review: _\", attempts, fence, \
                   request_hash, traceparent, placed_at, updated_at, cart_id, cart_version, carrier, \
                   tracking_number, shipped_at, delivery_method AS \"delivery_method: _\", delivery_minor, \
                   discount_minor, voucher_code, taxes AS \"taxes: _\""
                + $after,
            $($parameter),*
        )
    };
}
pub(super) use order_rows;

/// A row of `orders`.
pub struct OrderRow {
    pub id: Uuid,
    pub number: String,
    pub account_id: Option<Uuid>,
    pub email: String,
    pub ship_to: Json<Address>,
    pub payment_token: String,
    pub total_minor: i64,
    pub currency: Named<Currency>,
    pub status: Named<OrderStatus>,
    pub step: Named<Step>,
    pub reservation_id: Option<Uuid>,
    pub authorisation_id: Option<Uuid>,
    pub reason: Option<Named<Reason>>,
    pub review: Option<Named<Review>>,
    pub attempts: i32,
    pub fence: i64,
    pub request_hash: Vec<u8>,
    pub traceparent: Option<String>,
    pub placed_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub cart_id: Option<String>,
    pub cart_version: Option<i64>,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub delivery_method: Named<DeliveryMethod>,
    pub delivery_minor: i64,
    pub discount_minor: i64,
    pub voucher_code: Option<String>,
    pub taxes: Option<Json<Vec<TaxShare>>>,
}

/// An announced return with the request that made it.
#[derive(Debug, Clone)]
pub struct StoredReturn {
    pub key: String,
    pub request_hash: Vec<u8>,
    pub value: OrderReturn,
}

impl OrderRow {
    /// The order as far as its own row tells it: without lines, refunds and returns.
    pub fn stored(self) -> Stored {
        let Named(currency) = self.currency;
        let progress = Progress {
            step: self.step.0,
            reservation: self.reservation_id.map(ReservationId::new),
            authorisation: self.authorisation_id.map(PaymentId::new),
            reason: self.reason.map(|it| it.0),
            review: self.review.map(|it| it.0),
        };
        let cart = self.cart_id.zip(self.cart_version);
        let shipment = self.carrier.zip(self.tracking_number).zip(self.shipped_at);
        // Nothing for a row that was written before there was anything but goods.
        let charges = self.taxes.map(|Json(taxes)| Charges {
            goods: Money::new(
                self.total_minor.saturating_sub(self.delivery_minor).saturating_add(self.discount_minor),
                currency,
            ),
            discount: Money::new(self.discount_minor, currency),
            voucher: self.voucher_code,
            delivery_method: self.delivery_method.0,
            delivery: Money::new(self.delivery_minor, currency),
            tax: Money::new(taxes.iter().map(|share| share.tax.amount_minor).sum(), currency),
            taxes,
        });
        let order = Order {
            id: OrderId::new(self.id),
            number: self.number,
            account_id: self.account_id.map(AccountId::new),
            email: self.email,
            status: self.status.0,
            lines: Vec::new(),
            total: Money::new(self.total_minor, currency),
            ship_to: self.ship_to.0,
            placed_at: self.placed_at,
            cart: cart.map(|(id, version)| CartRef { id, version: version.max(0) as u64 }),
            shipment: shipment.map(|((carrier, tracking_number), shipped_at)| Shipment {
                carrier,
                tracking_number,
                shipped_at,
            }),
            refunds: Vec::new(),
            returns: Vec::new(),
            can_cancel: false,
            can_return: false,
            reason: progress.explanation(),
            charges,
            captured: None,
            needs_person: false,
        };
        Stored {
            order,
            progress,
            payment_token: self.payment_token,
            request_hash: self.request_hash,
            attempts: self.attempts,
            fence: self.fence,
            since: self.updated_at,
            traceparent: self.traceparent,
            give_backs: Vec::new(),
            returns: Vec::new(),
        }
    }
}
