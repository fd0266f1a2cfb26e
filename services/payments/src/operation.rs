//! What was asked of the provider, and what became of it.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use shop_contracts::payments::{NewAuthorisation, RefundState};
use shop_contracts::{Money, OrderId, PaymentId};
use shop_instrumentation::ids;
use uuid::Uuid;

/// The four calls that move money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Authorise,
    Capture,
    Void,
    Refund,
}

impl Kind {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorise => "authorise",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }

    /// As the past of an authorisation, for people.
    pub const fn participle(self) -> &'static str {
        match self {
            Self::Authorise => "authorised",
            Self::Capture => "captured",
            Self::Void => "voided",
            Self::Refund => "refunded",
        }
    }
}

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationState {
    /// Written; the provider is asked, or was when the process ended.
    Requested,
    Succeeded,
    /// The card was declined.
    Declined,
    /// Refused for good, or never reached the provider.
    Failed,
    /// Asked without an answer that counts.
    Unknown,
}

impl OperationState {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Succeeded => "succeeded",
            Self::Declined => "declined",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the provider still has to be asked.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Requested | Self::Unknown)
    }

    /// As a refund's state on the wire.
    pub const fn as_refund(self) -> RefundState {
        match self {
            Self::Requested | Self::Unknown => RefundState::Requested,
            Self::Succeeded => RefundState::Succeeded,
            Self::Declined | Self::Failed => RefundState::Failed,
        }
    }
}

/// A row of `payment_operations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub id: Uuid,
    pub kind: Kind,
    pub order_id: OrderId,
    /// The authorisation that it makes or changes.
    pub payment_id: PaymentId,
    /// What the provider tells repeats by: one an order, one capture and one void an authorisation, one a refund.
    pub provider_key: String,
    /// What the caller tells repeats by.
    pub caller_key: String,
    /// SHA-256 of the payment token, never the token.
    pub token_digest: Option<Vec<u8>>,
    pub amount: Money,
    pub state: OperationState,
    pub provider_reference: Option<String>,
    pub failure: Option<String>,
    pub attempts: i32,
    pub lease_until: Option<DateTime<Utc>>,
    pub last_call_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl Operation {
    /// A hold for an order. The order is the provider's key: whatever keys callers use, one order holds money once.
    pub fn authorise(key: &str, request: &NewAuthorisation, now: DateTime<Utc>) -> Self {
        let digest = Some(Sha256::digest(request.payment_token.as_bytes()).to_vec());
        let order = request.order_id;
        let payment = PaymentId::new(ids::new_id());
        Self {
            caller_key: key.to_owned(),
            token_digest: digest,
            ..Self::new(Kind::Authorise, order, payment, order.to_string(), request.amount, now)
        }
    }

    /// A capture or a void of a whole authorisation.
    pub fn settling(
        kind: Kind,
        order: OrderId,
        payment: PaymentId,
        amount: Money,
        now: DateTime<Utc>,
    ) -> Self {
        Self::new(kind, order, payment, format!("{}:{payment}", kind.as_str()), amount, now)
    }

    /// A refund; its id is the refund's.
    pub fn refund(key: &str, order: OrderId, payment: PaymentId, amount: Money, now: DateTime<Utc>) -> Self {
        let mut refund = Self::new(Kind::Refund, order, payment, String::new(), amount, now);
        refund.provider_key = format!("refund:{}", refund.id);
        key.clone_into(&mut refund.caller_key);
        refund
    }

    fn new(
        kind: Kind,
        order_id: OrderId,
        payment_id: PaymentId,
        provider_key: String,
        amount: Money,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: ids::new_id(),
            kind,
            order_id,
            payment_id,
            caller_key: provider_key.clone(),
            provider_key,
            token_digest: None,
            amount,
            state: OperationState::Requested,
            provider_reference: None,
            failure: None,
            attempts: 0,
            lease_until: None,
            last_call_at: None,
            created_at: now,
        }
    }

    /// Whether somebody waits for the provider's answer right now.
    pub fn is_leased(&self, now: DateTime<Utc>) -> bool {
        self.lease_until.is_some_and(|until| until > now)
    }

    /// Whether a repeated authorisation asks for the same. Another key for a decided order hears the decision again;
    /// the same key must mean the same card too, and so must a key for an order that the provider has not decided: its
    /// key there stands for the first card.
    pub fn means(&self, asked: &Self) -> bool {
        let decided = matches!(self.state, OperationState::Succeeded | OperationState::Declined);
        let other_card = (self.caller_key == asked.caller_key || !decided)
            && self.token_digest.is_some()
            && self.token_digest != asked.token_digest;
        self.order_id == asked.order_id && self.amount == asked.amount && !other_card
    }
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Done; a hold has the provider's reference.
    Succeeded { reference: Option<String> },
    /// The card was declined: nothing is held.
    Declined { reference: Option<String> },
    /// Nothing moved, for this reason.
    Failed(String),
}

impl Settled {
    /// The operation's state.
    pub const fn state(&self) -> OperationState {
        match self {
            Self::Succeeded { .. } => OperationState::Succeeded,
            Self::Declined { .. } => OperationState::Declined,
            Self::Failed(_) => OperationState::Failed,
        }
    }
}
