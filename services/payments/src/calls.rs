//! One call of the provider, in a task of its own: whoever asked may go away, the answer is written down all the same.

use shop_contracts::payments::{AuthorisationOutcome, NewAuthorisation};
use shop_instrumentation::Problem;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::operation::{Kind, Operation, Settled};
use crate::payments::{Payments, not_known};
use crate::provider::{HoldDecision, HoldRequest, ProviderError, RefundStanding};

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// The answer is in the database.
    Settled,
    /// There was none; the reconciler looks for it.
    Unknown,
}

/// Longest pause between two looks at an open operation, seconds.
const LONGEST_PAUSE_SECONDS: i64 = 60;

/// Pause before look number `attempts`, doubling from one second to a minute.
pub(crate) fn pause(attempts: i32) -> chrono::Duration {
    let doubled = 1_i64 << attempts.clamp(1, 7).saturating_sub(1);
    chrono::Duration::seconds(doubled.min(LONGEST_PAUSE_SECONDS))
}

impl Payments {
    /// Asks the provider for a claimed operation, and waits. Dropping the future stops the waiting, not the call.
    pub(crate) async fn call(
        &self,
        operation: Operation,
        request: Option<&NewAuthorisation>,
    ) -> Result<Called, Problem> {
        let payments = self.clone();
        let token = request.map(|r| r.payment_token.clone());
        let span = span_of(&operation);
        let task = async move { payments.ask_and_write(operation, token.as_deref()).await };
        match self.calls.spawn(task.instrument(span)).await {
            Ok(called) => Ok(called?),
            Err(error) => {
                tracing::error!(%error, "a call of the payment provider was cut off");
                Err(not_known())
            }
        }
    }

    async fn ask_and_write(&self, operation: Operation, token: Option<&str>) -> Result<Called, sqlx::Error> {
        let asked = tokio::time::timeout(self.limits.call, self.ask(&operation, token)).await;
        let answer = asked.unwrap_or_else(|_| Err(ProviderError::Unknown("no answer in time".to_owned())));
        match answer {
            Ok(Some(settled)) => {
                self.write(&operation, &settled).await?;
                Ok(Called::Settled)
            }
            Ok(None) => self.leave_open(&operation, "the provider has not decided yet").await,
            Err(ProviderError::Refused(why)) => {
                tracing::error!(order_id = %operation.order_id, operation = operation.kind.as_str(), why, "payment provider refused");
                // An earlier try may have been heard: then the provider's books tell, not this refusal.
                if operation.kind == Kind::Authorise && operation.attempts > 1 {
                    return self.leave_open(&operation, &why).await;
                }
                // A refused hold is a declined card to everybody who waits: nothing is held and nothing will be.
                let settled = match operation.kind {
                    Kind::Authorise => Settled::Declined { reference: None },
                    _ => Settled::Failed(why),
                };
                self.write(&operation, &settled).await?;
                Ok(Called::Settled)
            }
            Err(ProviderError::Unknown(why)) => {
                Span::current().record("shop.payment.outcome", "error");
                Span::current().record("otel.status_code", "ERROR");
                tracing::error!(order_id = %operation.order_id, operation = operation.kind.as_str(), error = why, "payment provider failed");
                // A caller polls an operation whose outcome is unknown: it failed once, however often it is asked for.
                if operation.kind == Kind::Authorise && operation.attempts <= 1 {
                    self.metrics.authorisations.with_label_values(&["error"]).inc();
                }
                self.leave_open(&operation, &why).await
            }
        }
    }

    async fn ask(
        &self,
        operation: &Operation,
        token: Option<&str>,
    ) -> Result<Option<Settled>, ProviderError> {
        let key = &operation.provider_key;
        let missing =
            || ProviderError::Refused("nothing is known of this payment at the provider".to_owned());
        let reference = || operation.provider_reference.as_deref().ok_or_else(missing);
        let done = Settled::Succeeded { reference: None };
        match operation.kind {
            Kind::Authorise => {
                let (order_id, amount) = (operation.order_id, operation.amount);
                let token = token.ok_or_else(|| {
                    ProviderError::Unknown("a hold is not repeated without its card".to_owned())
                })?;
                let hold = HoldRequest { key, order_id, amount, token };
                Ok(Some(match self.provider.authorise(hold).await? {
                    HoldDecision::Approved { reference } => Settled::Succeeded { reference: Some(reference) },
                    HoldDecision::Declined { reference } => Settled::Declined { reference },
                }))
            }
            Kind::Capture => {
                self.provider.capture(key, reference()?, operation.amount).await.map(|()| Some(done))
            }
            Kind::Void => self.provider.void(key, reference()?).await.map(|()| Some(done)),
            Kind::Refund => Ok(match self.provider.refund(key, reference()?, operation.amount).await? {
                RefundStanding::Pending => None,
                RefundStanding::Succeeded => Some(done),
                RefundStanding::Failed => {
                    Some(Settled::Failed("the provider gives no money back".to_owned()))
                }
            }),
        }
    }

    /// Writes an answer down, and counts it once.
    pub(crate) async fn write(&self, operation: &Operation, settled: &Settled) -> Result<(), sqlx::Error> {
        let first = self.store.finish(operation, settled, self.clock.now()).await?;
        let outcome = match (operation.kind, settled) {
            (Kind::Authorise, Settled::Succeeded { .. }) => AuthorisationOutcome::Approved,
            (Kind::Authorise, Settled::Declined { .. }) => AuthorisationOutcome::Declined,
            _ => return Ok(()),
        };
        Span::current().record("shop.payment.outcome", outcome.as_str());
        if outcome == AuthorisationOutcome::Declined {
            tracing::warn!(order_id = %operation.order_id, "card was declined");
        }
        if first {
            self.metrics.authorisations.with_label_values(&[outcome.as_str()]).inc();
        }
        Ok(())
    }

    pub(crate) async fn leave_open(&self, operation: &Operation, why: &str) -> Result<Called, sqlx::Error> {
        let now = self.clock.now();
        self.store.postpone(operation, why, now + pause(operation.attempts), now).await?;
        self.wake.notify_one();
        Ok(Called::Unknown)
    }
}

fn span_of(operation: &Operation) -> Span {
    tracing::info_span!(
        "payment provider",
        otel.name = format!("{} payment", operation.kind.as_str()),
        shop.order.id = %operation.order_id,
        shop.payment.outcome = Empty,
        otel.status_code = Empty,
    )
}
