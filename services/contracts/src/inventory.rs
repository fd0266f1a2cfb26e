//! Inventory: stock levels and reservations as they travel.
//!
//! `GET /v1/stock?ids=a,b` → [`StockLevels`]; `POST /v1/reservations` (Idempotency-Key) [`NewReservation`] → 201
//! [`Reservation`], or 409 `conflict` when something is short; `POST /v1/reservations/{id}/confirm` and `…/release` →
//! [`Reservation`]; `POST /v1/reservations/{id}/returns` (Idempotency-Key) [`ReturnStock`] → [`Reservation`]: pieces of a
//! confirmed reservation go back on sale (a cancelled or returned order).
//!
//! Staff: `GET /v1/staff/stock?q=&page=` → [`StockPage`]; `POST /v1/staff/stock/{product_id}/adjustments`
//! (Idempotency-Key) [`NewAdjustment`] → 201 [`StockItem`]; `GET /v1/staff/stock/{product_id}/ledger?page=` → [`StockLedger`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{OrderId, ProductId, ReservationId};

/// How much of a product can be sold now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockLevel {
    /// The product.
    pub product_id: ProductId,
    /// Pieces that nobody has reserved.
    pub available: u32,
}

/// Levels of the products asked for; products that inventory does not know are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockLevels {
    /// One entry a known product.
    pub levels: Vec<StockLevel>,
}

/// One product and how many of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReservationLine {
    /// The product.
    pub product_id: ProductId,
    /// Pieces, 1 to 99.
    #[schema(minimum = 1, maximum = 99)]
    pub quantity: u32,
}

/// Asks for stock to be set aside for an order: all lines or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReservation {
    /// The order. One order has one reservation.
    pub order_id: OrderId,
    /// What to set aside.
    #[schema(min_items = 1, max_items = 50)]
    pub lines: Vec<ReservationLine>,
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// Pieces of a confirmed reservation that go back on sale. The same key gives them back once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnStock {
    /// What goes back; never more of a line than was reserved and not yet given back.
    #[schema(min_items = 1, max_items = 50)]
    pub lines: Vec<ReservationLine>,
    /// Why: `cancelled` or `returned`.
    #[schema(pattern = "^(cancelled|returned)$")]
    pub reason: String,
}

/// A product's stock as staff sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockItem {
    /// The product.
    pub product_id: ProductId,
    /// Pieces that nobody has reserved.
    pub available: i64,
    /// Pieces set aside for orders that are not confirmed yet.
    pub held: i64,
    /// The supplier refills up to here.
    pub target: i64,
}

/// A page of stock, scarcest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockPage {
    /// The items.
    pub items: Vec<StockItem>,
    /// The page, from 1.
    pub page: u32,
    /// Whether another page follows.
    pub has_more: bool,
}

/// Staff corrects a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAdjustment {
    /// The staff member.
    #[schema(min_length = 1, max_length = 120)]
    pub actor: String,
    /// Pieces more (positive) or fewer (negative); not zero, at most 100,000 either way.
    #[schema(minimum = -100000, maximum = 100000)]
    pub delta: i64,
    /// Why: `delivery`, `count`, `damage`, `theft`, `other`.
    #[schema(pattern = "^(delivery|count|damage|theft|other)$")]
    pub reason: String,
    /// In words; at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
}

/// One movement of stock. The sum of all deltas of a product is what is available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// Pieces that came (positive) or went.
    pub delta: i64,
    /// Why: `opening`, `reserved`, `released`, `expired`, `cancelled`, `returned`, `delivery`, `count`, `damage`, `theft`, `other`.
    pub reason: String,
    /// Who: `system` or a staff member.
    pub actor: String,
    /// In words.
    #[serde(default)]
    pub note: String,
    /// The order that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
}

/// A page of a product's movements, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockLedger {
    /// The movements.
    pub entries: Vec<LedgerEntry>,
    /// The page, from 1.
    pub page: u32,
    /// Whether another page follows.
    pub has_more: bool,
}
