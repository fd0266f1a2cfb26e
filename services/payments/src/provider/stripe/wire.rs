//! The parts of Stripe's objects that are read.

use serde::Deserialize;

use crate::provider::{
    HoldDecision, ProviderError, ProviderPayment, ProviderRefund, RefundStanding, Standing,
};

/// A PaymentIntent.
#[derive(Debug, Clone, Deserialize)]
pub struct Intent {
    pub id: String,
    pub status: String,
    #[serde(default)]
    pub amount_received: i64,
}

/// Answer of a search.
#[derive(Debug, Deserialize)]
pub struct Found {
    pub data: Vec<Intent>,
}

/// A refund.
#[derive(Debug, Clone, Deserialize)]
pub struct Refund {
    pub amount: i64,
    /// `pending`, `requires_action`, `succeeded`, `failed`, `canceled`; absent on old ones.
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub metadata: Metadata,
}

/// Refunds of an intent.
#[derive(Debug, Deserialize)]
pub struct Refunds {
    pub data: Vec<Refund>,
    #[serde(default)]
    pub has_more: bool,
}

/// What we wrote beside an object.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Metadata {
    #[serde(default)]
    pub key: Option<String>,
}

/// An error.
#[derive(Debug, Default, Deserialize)]
pub struct ErrorEnvelope {
    #[serde(default)]
    pub error: ErrorBody,
}

/// What an error says; its message may repeat the card and is not read.
#[derive(Debug, Default, Deserialize)]
pub struct ErrorBody {
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub payment_intent: Option<Intent>,
}

impl ErrorBody {
    /// Its code, or its kind.
    pub fn name(&self) -> &str {
        self.code.as_deref().or(self.kind.as_deref()).unwrap_or("without a code")
    }
}

impl Intent {
    /// Whether money was taken, so that refunds can exist.
    pub fn was_captured(&self) -> bool {
        self.amount_received > 0
    }

    /// What the answer to a confirmed hold decides.
    pub fn decision(self) -> Result<HoldDecision, ProviderError> {
        match self.standing() {
            Standing::Held | Standing::Captured => Ok(HoldDecision::Approved { reference: self.id }),
            Standing::Declined | Standing::Released => {
                Ok(HoldDecision::Declined { reference: Some(self.id) })
            }
            Standing::Pending => Err(ProviderError::Unknown("the provider has not decided yet".to_owned())),
        }
    }

    /// Fails unless it has this status.
    pub fn must_be(self, status: &str) -> Result<(), ProviderError> {
        if self.status == status {
            return Ok(());
        }
        Err(ProviderError::Unknown(format!("the payment is {:?}", self.status)))
    }

    /// Its place in our terms. A card that wants its holder's confirmation is declined here: nobody is there to confirm.
    pub fn standing(&self) -> Standing {
        match self.status.as_str() {
            "requires_capture" => Standing::Held,
            "succeeded" => Standing::Captured,
            "canceled" => Standing::Released,
            "requires_payment_method" | "requires_confirmation" | "requires_action" => Standing::Declined,
            _ => Standing::Pending,
        }
    }

    /// With its refunds, in our terms.
    pub fn payment(self, refunds: Vec<Refund>) -> ProviderPayment {
        let standing = self.standing();
        let refunds = refunds.into_iter().map(|refund| ProviderRefund {
            standing: refund.standing(),
            key: refund.metadata.key,
            amount_minor: refund.amount,
        });
        ProviderPayment {
            standing,
            captured_minor: self.amount_received,
            refunds: refunds.collect(),
            reference: self.id,
        }
    }
}

impl Found {
    /// One key has one intent; should there be more, the one that holds or took money counts.
    pub fn chosen(self) -> Option<Intent> {
        let worth = |intent: &Intent| match intent.standing() {
            Standing::Captured => 3,
            Standing::Held => 2,
            Standing::Pending => 1,
            Standing::Declined | Standing::Released => 0,
        };
        self.data.into_iter().max_by_key(worth)
    }
}

impl Refund {
    /// Its place in our terms.
    pub fn standing(&self) -> RefundStanding {
        match self.status.as_deref() {
            Some("succeeded") | None => RefundStanding::Succeeded,
            Some("failed" | "canceled") => RefundStanding::Failed,
            Some(_) => RefundStanding::Pending,
        }
    }
}
