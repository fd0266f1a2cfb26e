//! What the saga needs of others. Every call can be repeated: the order's id is the key.

use async_trait::async_trait;
use shop_contracts::catalog::Product;
use shop_contracts::orders::OrderLine;
use shop_contracts::{Money, OrderId, PaymentId, ProductId, ReservationId};

/// The other side gave no answer that counts: try again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotNow(pub String);

/// What came of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserving {
    Held(ReservationId),
    OutOfStock,
}

/// What came of confirming a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirming {
    Sold,
    /// It expired meanwhile.
    Gone,
}

/// What came of an authorisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorising {
    Approved(PaymentId),
    Declined,
}

/// Prices, as the shop asks them now.
#[async_trait]
pub trait PriceList: Send + Sync + 'static {
    /// Products that exist, of those asked for.
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<Product>, NotNow>;
}

/// Stock.
#[async_trait]
pub trait Stock: Send + Sync + 'static {
    async fn reserve(&self, order: OrderId, lines: &[OrderLine]) -> Result<Reserving, NotNow>;
    async fn confirm(&self, reservation: ReservationId) -> Result<Confirming, NotNow>;
    async fn release(&self, reservation: ReservationId) -> Result<(), NotNow>;
}

/// Money.
#[async_trait]
pub trait PaymentGateway: Send + Sync + 'static {
    async fn authorise(&self, order: OrderId, amount: Money, token: &str) -> Result<Authorising, NotNow>;
    async fn capture(&self, authorisation: PaymentId) -> Result<(), NotNow>;
    async fn void(&self, authorisation: PaymentId) -> Result<(), NotNow>;
}
