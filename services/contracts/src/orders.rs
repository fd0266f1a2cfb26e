//! Orders as they travel.
//!
//! `POST /v1/orders` (Idempotency-Key) [`NewOrder`] → 201 [`Order`]; `GET /v1/orders/{id}` → [`Order`];
//! `GET /v1/orders?account_id=&page=&per_page=` → [`OrderPage`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountId, Money, OrderId, ProductId};

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
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// Accepted; stock or payment is still being sorted out.
    Pending,
    /// Paid, and the stock is its.
    Confirmed,
    /// The payment was declined; nothing was charged.
    Declined,
    /// Something was out of stock; nothing was charged.
    Rejected,
}

impl OrderStatus {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
        }
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
