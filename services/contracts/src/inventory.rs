//! Inventory: stock levels and reservations as they travel.
//!
//! `GET /v1/stock?ids=a,b` → [`StockLevels`]; `POST /v1/reservations` (Idempotency-Key) [`NewReservation`] → 201
//! [`Reservation`], or 409 `conflict` when something is short; `POST /v1/reservations/{id}/confirm` and `…/release` →
//! [`Reservation`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{OrderId, ProductId, ReservationId};

/// How much of a product can be sold now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    /// The product.
    pub product_id: ProductId,
    /// Pieces that nobody has reserved.
    pub available: u32,
}

/// Levels of the products asked for; products that inventory does not know are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevels {
    /// One entry a known product.
    pub levels: Vec<StockLevel>,
}

/// One product and how many of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReservationLine {
    /// The product.
    pub product_id: ProductId,
    /// Pieces, 1 to 99.
    pub quantity: u32,
}

/// Asks for stock to be set aside for an order: all lines or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewReservation {
    /// The order. One order has one reservation.
    pub order_id: OrderId,
    /// What to set aside.
    pub lines: Vec<ReservationLine>,
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReservationState {
    /// Set aside until it expires.
    Held,
    /// Sold.
    Confirmed,
    /// Given back by the order.
    Released,
    /// Given back because nobody confirmed it in time.
    Expired,
}

impl ReservationState {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

/// Stock set aside for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// The order.
    pub order_id: OrderId,
    /// Where it stands.
    pub state: ReservationState,
    /// When it expires unless confirmed.
    pub expires_at: DateTime<Utc>,
}
