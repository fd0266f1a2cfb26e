//! Payments as they travel.
//!
//! | route | request | answer |
//! |---|---|---|
//! | `POST /v1/authorisations` (Idempotency-Key) | [`NewAuthorisation`] | 201 [`Authorisation`]; 409 `key_reused` with the existing one; 409 `conflict` when the order was abandoned; 503 while the provider's answer is unknown |
//! | `POST /v1/authorisations/{id}/capture`, `…/void` | | [`Authorisation`]; 503 `in_progress` while its answer, or the opposite's, is looked for; 404 and 409 are final answers, but what the provider refused may be asked for anew after a minute |
//! | `POST /v1/authorisations/{id}/refunds` (Idempotency-Key) | [`NewRefund`] | 201 [`Refund`]; 409 `conflict` over the captured amount; 503 `in_progress` while the capture's answer is looked for |
//! | `POST /v1/orders/{order_id}/abandon` | | [`Abandoned`]: whatever the provider still decides for this order is given back, and no later authorisation of it succeeds |
//! | `POST /webhooks/{provider}` | the provider's own body, signed | 204; 401 without a valid signature |

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Money, OrderId, PaymentId};

/// Asks for money to be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAuthorisation {
    /// The order that is paid. One order is authorised once.
    pub order_id: OrderId,
    /// How much to hold; positive.
    pub amount: Money,
    /// What the payment form handed out instead of a card number.
    #[schema(min_length = 4, max_length = 128, pattern = "^tok_[A-Za-z0-9_]*$")]
    pub payment_token: String,
}

/// What the provider decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthorisationState {
    /// Held (or declined: nothing was held).
    Open,
    /// Taken.
    Captured,
    /// Given back before it was taken.
    Voided,
    /// Taken, and all of it given back.
    Refunded,
}

impl AuthorisationState {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Captured => "captured",
            Self::Voided => "voided",
            Self::Refunded => "refunded",
        }
    }
}

/// An authorisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// What the provider calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_reference: Option<String>,
    /// How much of it was given back after it was taken, minor units of the amount's currency.
    #[serde(default)]
    pub refunded_minor: i64,
}

/// Asks for taken money to be given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// How much; positive, in the authorisation's currency.
    pub amount: Money,
    /// Why, for the provider's statement; at most 200 bytes.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub reason: String,
}

/// Where a refund stands at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RefundState {
    /// Written and asked for; the reconciler carries it to an end.
    Requested,
    /// The provider gives the money back.
    Succeeded,
    /// The provider refused.
    Failed,
}

impl RefundState {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refund {
    /// Its id.
    pub id: Uuid,
    /// What it gives back from.
    pub authorisation_id: PaymentId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub state: RefundState,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// What was known of an order's payment when it was abandoned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Abandoned {
    /// The order.
    pub order_id: OrderId,
    /// The authorisation, if one was known; it is voided or being voided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorisation: Option<Authorisation>,
}
