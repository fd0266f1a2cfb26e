//! Payment authorisations as they travel.
//!
//! `POST /v1/authorisations` (Idempotency-Key) [`NewAuthorisation`] → 201 [`Authorisation`];
//! `POST /v1/authorisations/{id}/capture` and `…/void` → [`Authorisation`]; `GET /v1/authorisations/{id}`.

use serde::{Deserialize, Serialize};

use crate::{Money, OrderId, PaymentId};

/// Asks for money to be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAuthorisation {
    /// The order that is paid. One order is authorised once.
    pub order_id: OrderId,
    /// How much to hold; positive.
    pub amount: Money,
    /// What the payment form handed out instead of a card number.
    pub payment_token: String,
}

/// What the provider decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorisationOutcome {
    /// The money is held.
    Approved,
    /// The provider said no; trying again with the same card does not help.
    Declined,
}

impl AuthorisationOutcome {
    /// Its name in the database, in metrics and on spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
        }
    }
}

/// What became of the held money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorisationState {
    /// Held (or declined: nothing was held).
    Open,
    /// Taken.
    Captured,
    /// Given back.
    Voided,
}

impl AuthorisationState {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Captured => "captured",
            Self::Voided => "voided",
        }
    }
}

/// An authorisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorisation {
    /// Its id.
    pub id: PaymentId,
    /// The order that it pays.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// The provider's decision.
    pub outcome: AuthorisationOutcome,
    /// What became of it.
    pub state: AuthorisationState,
}
