//! Operations whose answer did not come.

use shop_instrumentation::Problem;

use super::compare::{Verdict, verdict};
use super::worked_on;
use crate::operation::Operation;
use crate::payments::Payments;
use crate::provider::{Lookup, ProviderError, ProviderPayment};

impl Payments {
    pub(super) async fn settle_operations(&self) -> Result<usize, sqlx::Error> {
        let claim = || async { Ok(self.store.claim_operations(1, self.turn()).await?.pop()) };
        worked_on(claim, |operation| async move {
            let id = operation.id;
            if let Err(problem) = self.settle_operation(operation).await {
                tracing::warn!(operation_id = %id, detail = problem.detail(), "operation not settled yet");
            }
        })
        .await
    }

    async fn settle_operation(&self, operation: Operation) -> Result<(), Problem> {
        let lookup = match &operation.provider_reference {
            Some(reference) => Lookup::Reference(reference),
            None => Lookup::Key(&operation.provider_key),
        };
        let theirs = match self.look_up(lookup).await {
            Ok(theirs) => theirs,
            Err(error) => {
                self.leave_open(&operation, &error.to_string()).await?;
                return Ok(());
            }
        };
        let called_at = operation.last_call_at.unwrap_or(operation.created_at);
        let lag = chrono::Duration::from_std(self.provider.lookup_lag()).unwrap_or(chrono::Duration::MAX);
        match verdict(&operation, theirs.as_ref(), self.clock.now() - called_at, lag) {
            Verdict::End(settled) => {
                tracing::info!(operation_id = %operation.id, operation = operation.kind.as_str(), state = settled.state().as_str(), "operation settled from the provider's books");
                self.write(&operation, &settled).await?;
            }
            Verdict::Repeat => {
                self.call(operation, None).await?;
            }
            Verdict::Wait(why) => {
                self.leave_open(&operation, why).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn look_up(&self, lookup: Lookup<'_>) -> Result<Option<ProviderPayment>, ProviderError> {
        let asked = tokio::time::timeout(self.limits.call, self.provider.status(lookup)).await;
        asked.unwrap_or_else(|_| Err(ProviderError::Unknown("no answer in time".to_owned())))
    }
}
