//! The provider's own bad days, switched on at run time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shop_contracts::Money;
use shop_instrumentation::faults::{FaultSpec, Faults};

use super::{
    HoldDecision, HoldRequest, Lookup, PaymentProvider, ProviderError, ProviderPayment, RefundStanding,
};

/// Every authorisation is declined while it is on.
pub const DECLINE: &str = "payments.decline";
/// Every authorisation takes longer while it is on.
pub const LATENCY: &str = "payments.latency";
/// The provider acts, but its answer does not come.
pub const TIMEOUT: &str = "payments.provider_timeout";
/// Every call reaches the provider twice, at the same time.
pub const DOUBLE: &str = "payments.provider_double";
/// The provider fails before it acts.
pub const ERROR: &str = "payments.provider_error";

/// What can be switched on here.
pub const FAULTS: &[FaultSpec] = &[
    FaultSpec { name: DECLINE, description: "the payment provider declines every card" },
    FaultSpec { name: LATENCY, description: "the payment provider takes a second longer" },
    FaultSpec { name: TIMEOUT, description: "the payment provider acts, but its answer does not come" },
    FaultSpec { name: DOUBLE, description: "every call reaches the payment provider twice at the same time" },
    FaultSpec { name: ERROR, description: "the payment provider fails before it acts" },
];

/// The token that the sandbox declines.
const DECLINED: &str = "tok_declined";
/// Longer than any caller waits.
const NEVER: Duration = Duration::from_mins(1);

/// A provider with its faults.
pub struct FaultyProvider {
    pub inner: Arc<dyn PaymentProvider>,
    pub faults: Faults,
}

impl FaultyProvider {
    fn fails(&self) -> Result<(), ProviderError> {
        if self.faults.is_active(ERROR) {
            return Err(ProviderError::Unknown("the fault payments.provider_error is on".to_owned()));
        }
        Ok(())
    }

    /// Keeps an answer back while the fault is on.
    async fn keep_back(&self) {
        if self.faults.is_active(TIMEOUT) {
            tokio::time::sleep(NEVER).await;
        }
    }
}

#[async_trait]
impl PaymentProvider for FaultyProvider {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn lookup_lag(&self) -> Duration {
        self.inner.lookup_lag()
    }

    async fn authorise(&self, mut hold: HoldRequest<'_>) -> Result<HoldDecision, ProviderError> {
        self.faults.delay(LATENCY).await;
        self.fails()?;
        if self.faults.is_active(DECLINE) {
            // The provider still hears the key: a hold that it already has under it stays the answer.
            hold.token = DECLINED;
            tracing::Span::current().record("otel.status_code", "ERROR");
            tracing::error!(order_id = %hold.order_id, "payment declined by provider");
        }
        if self.faults.is_active(DOUBLE) {
            let (first, second) = tokio::join!(self.inner.authorise(hold), self.inner.authorise(hold));
            self.keep_back().await;
            return first.and(second);
        }
        let answer = self.inner.authorise(hold).await;
        self.keep_back().await;
        answer
    }

    async fn capture(&self, key: &str, reference: &str, amount: Money) -> Result<(), ProviderError> {
        self.fails()?;
        if self.faults.is_active(DOUBLE) {
            let call = || self.inner.capture(key, reference, amount);
            let (first, second) = tokio::join!(call(), call());
            return first.and(second);
        }
        let answer = self.inner.capture(key, reference, amount).await;
        self.keep_back().await;
        answer
    }

    async fn void(&self, key: &str, reference: &str) -> Result<(), ProviderError> {
        self.fails()?;
        if self.faults.is_active(DOUBLE) {
            let (first, second) =
                tokio::join!(self.inner.void(key, reference), self.inner.void(key, reference));
            return first.and(second);
        }
        let answer = self.inner.void(key, reference).await;
        self.keep_back().await;
        answer
    }

    async fn refund(
        &self,
        key: &str,
        reference: &str,
        amount: Money,
    ) -> Result<RefundStanding, ProviderError> {
        self.fails()?;
        if self.faults.is_active(DOUBLE) {
            let call = || self.inner.refund(key, reference, amount);
            let (first, second) = tokio::join!(call(), call());
            return first.and(second);
        }
        let answer = self.inner.refund(key, reference, amount).await;
        self.keep_back().await;
        answer
    }

    async fn status(&self, lookup: Lookup<'_>) -> Result<Option<ProviderPayment>, ProviderError> {
        self.fails()?;
        let answer = self.inner.status(lookup).await;
        self.keep_back().await;
        answer
    }
}
