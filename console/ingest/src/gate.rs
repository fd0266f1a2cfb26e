//! What every protocol passes through: tokens, a bound on concurrent work, counters.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    auth::Tokens,
    limits::IngestLimits,
    metrics::{IngestMetrics, Protocol, Signal},
    refusal::{Outcome, Refusal},
};

/// Shared by all protocols; cheap to clone.
#[derive(Clone, Debug)]
pub struct Gate {
    pub tokens: Tokens,
    pub limits: Arc<IngestLimits>,
    pub metrics: IngestMetrics,
    slots: Arc<Semaphore>,
}

impl Gate {
    pub fn new(tokens: Tokens, limits: Arc<IngestLimits>, metrics: IngestMetrics) -> Self {
        let slots = Arc::new(Semaphore::new(limits.max_concurrent_requests.max(1)));
        Self { tokens, limits, metrics, slots }
    }

    /// Waits for its turn to decompress and decode.
    pub async fn enter(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        match tokio::time::timeout(self.limits.max_wait(), self.slots.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Refusal::overloaded()),
        }
    }

    /// Runs `work` where it may block, as soon as it is its turn.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = self.enter().await?;
        self.run_entered(permit, work).await
    }

    /// As [`Gate::run`], for who has its permit already.
    pub async fn run_entered<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        done.await.unwrap_or_else(|e| {
            tracing::error!(cause = %e, "a write ended in a panic");
            Err(Refusal::internal("the write could not be handled"))
        })
    }

    /// Counts what became of a request, and hands it on.
    pub fn count(
        &self,
        signal: Signal,
        protocol: Protocol,
        result: Result<Outcome, Refusal>,
    ) -> Result<Outcome, Refusal> {
        match &result {
            Ok(outcome) => {
                self.metrics.items(signal, protocol, outcome.accepted, outcome.refused.count);
                for (reason, n) in &outcome.refused.reasons {
                    self.metrics.rejected(protocol, reason, *n);
                }
            }
            Err(refusal) => self.metrics.rejected(protocol, refusal.reason, 1),
        }
        result
    }
}
