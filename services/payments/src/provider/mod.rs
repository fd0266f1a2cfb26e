//! The payment provider, as a port.
//!
//! What must always hold: every call that moves money carries our key, and a repeated key is the same movement. An
//! answer that did not arrive is no answer: only [`PaymentProvider::status`] tells what became of a call.

pub mod faulty;
pub mod sandbox;
pub mod stripe;

use std::time::Duration;

use async_trait::async_trait;
use shop_contracts::{Money, OrderId};

/// Why a call gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// No answer that counts; the call may have had its effect.
    #[error("no answer that counts: {0}")]
    Unknown(String),
    /// The provider understood and refused for good; nothing moved.
    #[error("refused: {0}")]
    Refused(String),
}

/// Asks for an amount to be held.
#[derive(Debug, Clone, Copy)]
pub struct HoldRequest<'a> {
    /// What tells a repeat.
    pub key: &'a str,
    /// The order that is paid, kept by the provider beside the payment.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// What the payment form handed out.
    pub token: &'a str,
}

/// What the provider decided about a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldDecision {
    /// The money is held under this reference.
    Approved { reference: String },
    /// Nothing is held.
    Declined { reference: Option<String> },
}

/// Where a refund stands at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStanding {
    /// On its way.
    Pending,
    /// Given back.
    Succeeded,
    /// It will not be given back.
    Failed,
}

/// How a payment is found at the provider.
#[derive(Debug, Clone, Copy)]
pub enum Lookup<'a> {
    /// By our key of its hold.
    Key(&'a str),
    /// By the provider's own reference.
    Reference(&'a str),
}

/// Where a payment stands at the provider; amounts in minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPayment {
    pub reference: String,
    pub standing: Standing,
    pub captured_minor: i64,
    pub refunds: Vec<ProviderRefund>,
}

/// What became of the hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not decided yet.
    Pending,
    Declined,
    Held,
    Captured,
    /// Given back before it was taken.
    Released,
}

/// One refund at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderRefund {
    /// Our key; absent when it was made without us (the provider's own pages).
    pub key: Option<String>,
    pub amount_minor: i64,
    pub standing: RefundStanding,
}

impl ProviderPayment {
    /// What was given back, or is on its way.
    pub fn refunded_minor(&self) -> i64 {
        let given = self.refunds.iter().filter(|r| r.standing != RefundStanding::Failed);
        given.map(|r| r.amount_minor).sum()
    }
}

/// Who holds the money.
#[async_trait]
pub trait PaymentProvider: Send + Sync + 'static {
    /// Its name in webhook paths.
    fn name(&self) -> &'static str;

    /// How long after a call [`Self::status`] may still not know of it.
    fn lookup_lag(&self) -> Duration;

    /// Holds an amount.
    async fn authorise(&self, hold: HoldRequest<'_>) -> Result<HoldDecision, ProviderError>;

    /// Takes the whole held amount.
    async fn capture(&self, key: &str, reference: &str, amount: Money) -> Result<(), ProviderError>;

    /// Gives a held amount back.
    async fn void(&self, key: &str, reference: &str) -> Result<(), ProviderError>;

    /// Gives taken money back, or part of it.
    async fn refund(
        &self,
        key: &str,
        reference: &str,
        amount: Money,
    ) -> Result<RefundStanding, ProviderError>;

    /// Where a payment stands; nothing when the provider knows none.
    async fn status(&self, lookup: Lookup<'_>) -> Result<Option<ProviderPayment>, ProviderError>;
}
