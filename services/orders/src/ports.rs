//! What the sagas need of others. Every call can be repeated: the order's or the refund's id is the key.

use async_trait::async_trait;
use shop_contracts::catalog::Product;
use shop_contracts::orders::{OrderLine, ReturnLine};
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

/// What came of something that the other side either does or refuses for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settling {
    Done,
    /// A final no: asking again does not help.
    Refused,
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
    /// Gives a reservation back that was not confirmed; a confirmed one is refused.
    async fn release(&self, reservation: ReservationId) -> Result<Settling, NotNow>;
    /// Puts pieces of a confirmed reservation back on sale, once a key.
    async fn restock(
        &self,
        reservation: ReservationId,
        lines: &[ReturnLine],
        reason: &str,
        key: &str,
    ) -> Result<Settling, NotNow>;
}

/// Money.
#[async_trait]
pub trait PaymentGateway: Send + Sync + 'static {
    async fn authorise(&self, order: OrderId, amount: Money, token: &str) -> Result<Authorising, NotNow>;
    /// Takes the held money.
    async fn capture(&self, authorisation: PaymentId) -> Result<Settling, NotNow>;
    /// Lets go of held money; refused once it was taken.
    async fn void(&self, authorisation: PaymentId) -> Result<Settling, NotNow>;
    /// From now on the order holds no money, whatever is still decided; refused once money was taken.
    async fn abandon(&self, order: OrderId) -> Result<Settling, NotNow>;
    /// Gives taken money back, once a key.
    async fn refund(
        &self,
        authorisation: PaymentId,
        amount: Money,
        reason: &str,
        key: &str,
    ) -> Result<Settling, NotNow>;
}
