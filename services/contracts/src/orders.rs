//! Orders as they travel.
//!
//! | route | request | answer |
//! |---|---|---|
//! | `POST /v1/orders` (Idempotency-Key) | [`NewOrder`] | 201 [`Order`]; 409 `key_reused`, `already_ordered` (both with the existing order), `conflict` (a price changed); 422 |
//! | `GET /v1/orders/{id}` | | [`Order`] |
//! | `GET /v1/orders?account_id=&page=&per_page=` | | [`OrderPage`] |
//! | `POST /v1/orders/lookup` | [`OrderLookup`] | [`Order`]; 404 whichever of the two is wrong |
//! | `POST /v1/orders/{id}/cancel` | [`CancelOrder`] | [`Order`]; 409 `conflict` once it was shipped |
//! | `POST /v1/orders/{id}/returns` (Idempotency-Key) | [`NewReturn`] | 201 [`Order`]; 409 `conflict` outside of [`RETURN_DAYS`] |
//! | `POST /v1/accounts/{account_id}/anonymise` | | 204: the account's orders lose everything that names a person |
//! | `GET /v1/staff/orders?status=&q=&page=&per_page=` | | [`OrderPage`] |
//! | `GET /v1/staff/orders/{id}/history` | | [`OrderHistory`] |
//! | `POST /v1/staff/orders/{id}/ship` | [`ShipOrder`] | [`Order`] |
//! | `POST /v1/staff/orders/{id}/refunds` (Idempotency-Key) | [`NewOrderRefund`] | 201 [`Order`] |
//! | `POST /v1/staff/orders/{id}/returns/{return_id}/receive` | [`StaffNote`] | [`Order`]: the pieces are back, the money follows |
//! | `POST /v1/staff/orders/{id}/resolve` | [`ResolveOrder`] | [`Order`]: ends `manual_review` |

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AccountId, Money, OrderId, ProductId};

/// For how long after the order was placed its pieces may be sent back.
pub const RETURN_DAYS: i64 = 60;

/// Where the parcel goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who receives it.
    pub name: String,
    /// Street and number.
    pub address1: String,
    /// City.
    pub city: String,
    /// Postcode.
    pub postcode: String,
    /// ISO 3166 alpha-2.
    pub country: String,
}

/// A line as the shopper saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrderLine {
    /// The product.
    pub product_id: ProductId,
    /// Pieces, 1 to 99.
    pub quantity: u32,
    /// The price of one that the shopper agreed to; a changed price is a 409 `conflict`.
    pub unit_price: Money,
}

/// One version of a cart. A version is consumed by at most one order that was not declined or rejected.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CartRef {
    /// The cart's public id, 1 to 64 visible ASCII characters; never the secret of its cookie.
    pub id: String,
    /// Grows with every change of what is in the cart.
    pub version: u64,
}

/// Asks for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// The account, unless a guest buys.
    pub account_id: Option<AccountId>,
    /// Where mails go.
    pub email: String,
    /// What is bought; 1 to 50 lines.
    pub lines: Vec<NewOrderLine>,
    /// Where it goes.
    pub ship_to: Address,
    /// What the payment form handed out.
    pub payment_token: String,
    /// The cart that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart: Option<CartRef>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Accepted; stock or payment is still being sorted out.
    Pending,
    /// Paid, and the stock is its.
    Confirmed,
    /// The payment was declined; nothing was charged.
    Declined,
    /// Something was out of stock, or the payment could not be made in time; nothing was charged.
    Rejected,
    /// Cancelled after it was confirmed; the money was given back.
    Cancelled,
    /// No program could bring it to an end: a person looks at it.
    ManualReview,
}

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Confirmed, Self::Declined, Self::Rejected, Self::Cancelled, Self::ManualReview];

    /// Its name in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::ManualReview => "manual_review",
        }
    }

    /// The status with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// A line of a stored order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The product.
    pub product_id: ProductId,
    /// Its name when it was ordered.
    pub name: String,
    /// Pieces.
    pub quantity: u32,
    /// Price of one when it was ordered.
    pub unit_price: Money,
}

/// A parcel on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Who carries it.
    pub carrier: String,
    /// What the carrier calls it.
    pub tracking_number: String,
    /// When it was handed over.
    pub shipped_at: DateTime<Utc>,
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Asked for; the provider has not confirmed it yet.
    Pending,
    /// The money is on its way back.
    Refunded,
    /// The provider refused; a person looks at it.
    Failed,
}

/// Money given back for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRefund {
    /// Its id.
    pub id: Uuid,
    /// How much.
    pub amount: Money,
    /// Why: `cancelled`, `returned`, `goodwill`.
    pub reason: String,
    /// Where it stands.
    pub status: RefundStatus,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// Where a return stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnStatus {
    /// Announced by the shopper.
    Requested,
    /// The pieces are back; the refund is on its way.
    Received,
}

/// Pieces of a line that come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnLine {
    /// The product.
    pub product_id: ProductId,
    /// Pieces, 1 to what was ordered and not yet sent back.
    pub quantity: u32,
}

/// Asks to send pieces back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewReturn {
    /// What comes back; 1 to 50 lines, each product once.
    pub lines: Vec<ReturnLine>,
    /// Why, in the shopper's words; at most 500 bytes.
    #[serde(default)]
    pub reason: String,
}

/// A return of pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReturn {
    /// Its id.
    pub id: Uuid,
    /// What comes back.
    pub lines: Vec<ReturnLine>,
    /// Why.
    pub reason: String,
    /// Where it stands.
    pub status: ReturnStatus,
    /// When it was announced.
    pub created_at: DateTime<Utc>,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Its number as shoppers see it.
    pub number: String,
    /// Whose it is, unless a guest's.
    pub account_id: Option<AccountId>,
    /// Where mails go.
    pub email: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// Its lines.
    pub lines: Vec<OrderLine>,
    /// What it costs.
    pub total: Money,
    /// Where it goes.
    pub ship_to: Address,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// The cart that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart: Option<CartRef>,
    /// The parcel, once it is on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    /// Money given back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<OrderRefund>,
    /// Pieces sent back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<OrderReturn>,
    /// Whether cancelling it would be accepted now.
    #[serde(default)]
    pub can_cancel: bool,
    /// Whether a return would be accepted now.
    #[serde(default)]
    pub can_return: bool,
    /// Why it waits for a person or ended as it did: `declined`, `out_of_stock`, `payment_timeout`, `capture_failed` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Order {
    /// Whether money was taken for it, so that some can be given back.
    pub const fn took_money(&self) -> bool {
        matches!(self.status, OrderStatus::Confirmed | OrderStatus::Cancelled)
    }

    /// What it cost and what was neither given back nor is on its way back. A refund that failed gave nothing back.
    pub fn refundable(&self) -> Money {
        let counted = self.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
        let given: i64 = counted.map(|refund| refund.amount.amount_minor).sum();
        Money::new((self.total.amount_minor - given).max(0), self.total.currency)
    }

    /// Pieces of each product that were ordered and not yet sent back.
    pub fn returnable(&self) -> BTreeMap<ProductId, u32> {
        let mut pieces: BTreeMap<ProductId, u32> = BTreeMap::new();
        for line in &self.lines {
            *pieces.entry(line.product_id).or_default() += line.quantity;
        }
        for line in self.returns.iter().flat_map(|one| &one.lines) {
            let left = pieces.entry(line.product_id).or_default();
            *left = left.saturating_sub(line.quantity);
        }
        pieces
    }
}

/// A page of orders, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<Order>,
    /// The page, from 1.
    pub page: u32,
    /// Whether another page follows.
    pub has_more: bool,
}

/// A guest's question for an order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderLookup {
    /// The number as the mail says it, case and dashes as typed.
    pub number: String,
    /// The address that the order was placed with, compared without case.
    pub email: String,
}

impl std::fmt::Debug for OrderLookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderLookup").finish_non_exhaustive()
    }
}

/// Asks to cancel an order that is not shipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Who asks, for the history: `shopper`, or the staff member's name.
    #[serde(default)]
    pub actor: String,
    /// Why; at most 500 bytes.
    #[serde(default)]
    pub reason: String,
}

/// Staff hands a parcel over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShipOrder {
    /// The staff member.
    pub actor: String,
    /// Who carries it; 1 to 60 bytes.
    pub carrier: String,
    /// What the carrier calls it; 1 to 60 bytes.
    pub tracking_number: String,
}

/// Staff gives money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrderRefund {
    /// The staff member.
    pub actor: String,
    /// How much; at most what was taken and not yet given back.
    pub amount: Money,
    /// Why; 1 to 500 bytes.
    pub reason: String,
}

/// Who of the staff did something, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffNote {
    /// The staff member.
    pub actor: String,
    /// Why; at most 500 bytes.
    #[serde(default)]
    pub note: String,
}

/// How a person ends `manual_review`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Take the saga up where it stands, with a fresh age.
    Retry,
    /// Walk it back: money and stock are given back.
    Cancel,
}

/// Ends `manual_review`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveOrder {
    /// The staff member.
    pub actor: String,
    /// What is to be done.
    pub resolution: Resolution,
    /// Why; 1 to 500 bytes.
    pub note: String,
}

/// One thing that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderHistoryEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `system`, `shopper`, or a staff member.
    pub actor: String,
    /// What: `placed`, `confirmed`, `cancelled`, `shipped`, `refunded`, `return_requested`, `return_received`, `manual_review`, `resolved`, `anonymised`.
    pub action: String,
    /// Details for people.
    #[serde(default)]
    pub detail: String,
}

/// Everything that happened to an order, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderHistory {
    /// The entries.
    pub entries: Vec<OrderHistoryEntry>,
}
