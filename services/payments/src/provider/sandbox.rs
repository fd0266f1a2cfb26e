//! A provider that really keeps books, and decides by the token alone so that every outcome can be bought.
//!
//! | token | what happens |
//! |---|---|
//! | `tok_declined` | declined |
//! | `tok_error` | fails before it decides |
//! | `tok_slow` | approved after two seconds |
//! | `tok_timeout` | approved at once, the answer comes far too late |
//! | `tok_double` | approved, and told twice |
//! | `tok_capture_fail` | approved, but cannot be captured |
//! | any other | approved |

use std::time::Duration;

use async_trait::async_trait;
use shop_contracts::Money;
use shop_instrumentation::clock::SharedClock;

use super::{
    HoldDecision, HoldRequest, Lookup, PaymentProvider, ProviderError, ProviderPayment, RefundStanding,
};
use crate::storage::sandbox::{Movement, NewPayment, PgSandbox};
use crate::webhook::sender::WebhookSender;

/// Its name in webhook paths.
pub const NAME: &str = "sandbox";
const SLOW: Duration = Duration::from_secs(2);
const FAR_TOO_LATE: Duration = Duration::from_secs(30);

/// The sandbox. Every instance of payments shares its books.
pub struct SandboxProvider {
    pub books: PgSandbox,
    pub webhooks: Option<WebhookSender>,
    pub clock: SharedClock,
}

impl SandboxProvider {
    async fn movement(
        &self,
        kind: Movement,
        key: &str,
        reference: &str,
        amount: Option<Money>,
    ) -> Result<(), ProviderError> {
        let moved =
            self.books.record(kind, key, reference, amount, self.clock.now()).await.map_err(unknown)?;
        moved.map_err(|why| ProviderError::Refused(why.to_owned()))?;
        self.tell(&format!("evt_{}_{key}", kind.as_str()), reference, None).await;
        Ok(())
    }

    async fn tell(&self, event: &str, reference: &str, key: Option<&str>) {
        if let Some(webhooks) = &self.webhooks {
            webhooks.send(event, reference, key, self.clock.now());
        }
    }
}

fn unknown(error: sqlx::Error) -> ProviderError {
    ProviderError::Unknown(format!("the sandbox's books: {error}"))
}

#[async_trait]
impl PaymentProvider for SandboxProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lookup_lag(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn authorise(&self, hold: HoldRequest<'_>) -> Result<HoldDecision, ProviderError> {
        match hold.token {
            "tok_error" => return Err(ProviderError::Unknown("the sandbox fails for tok_error".to_owned())),
            "tok_slow" => tokio::time::sleep(SLOW).await,
            _ => {}
        }
        let new = NewPayment {
            key: hold.key,
            order_id: hold.order_id,
            amount: hold.amount,
            approved: hold.token != "tok_declined",
            capture_fails: hold.token == "tok_capture_fail",
        };
        let decided = self.books.decide(&new, self.clock.now()).await.map_err(unknown)?;
        let decided = decided.map_err(|why| ProviderError::Refused(why.to_owned()))?;
        let event = format!("evt_hold_{}", hold.key);
        self.tell(&event, &decided.reference, Some(hold.key)).await;
        if hold.token == "tok_double" {
            self.tell(&event, &decided.reference, Some(hold.key)).await;
            self.tell(&format!("{event}_again"), &decided.reference, Some(hold.key)).await;
        }
        if hold.token == "tok_timeout" {
            tokio::time::sleep(FAR_TOO_LATE).await;
        }
        let reference = decided.reference;
        Ok(if decided.approved {
            HoldDecision::Approved { reference }
        } else {
            HoldDecision::Declined { reference: Some(reference) }
        })
    }

    async fn capture(&self, key: &str, reference: &str, amount: Money) -> Result<(), ProviderError> {
        self.movement(Movement::Capture, key, reference, Some(amount)).await
    }

    async fn void(&self, key: &str, reference: &str) -> Result<(), ProviderError> {
        self.movement(Movement::Release, key, reference, None).await
    }

    async fn refund(
        &self,
        key: &str,
        reference: &str,
        amount: Money,
    ) -> Result<RefundStanding, ProviderError> {
        self.movement(Movement::Refund, key, reference, Some(amount)).await?;
        Ok(RefundStanding::Succeeded)
    }

    async fn status(&self, lookup: Lookup<'_>) -> Result<Option<ProviderPayment>, ProviderError> {
        self.books.find(lookup).await.map_err(unknown)
    }
}
