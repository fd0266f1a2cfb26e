//! The payment provider, as a port, and the sandbox behind it.

use std::time::Duration;

use async_trait::async_trait;
use shop_contracts::payments::{AuthorisationOutcome, NewAuthorisation};

/// The provider gave no answer that counts; asking again with the same key is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("payment provider: {0}")]
pub struct ProviderError(pub String);

/// Who holds the money. `key` makes a repeated call the same call.
#[async_trait]
pub trait PaymentProvider: Send + Sync + 'static {
    /// Asks for the amount to be held.
    async fn authorise(
        &self,
        key: &str,
        request: &NewAuthorisation,
    ) -> Result<AuthorisationOutcome, ProviderError>;
}

/// Decides by the token alone, so that every outcome can be bought: `tok_declined` declines, `tok_error` breaks,
/// `tok_slow` takes two seconds, everything else that looks like a token is approved.
#[derive(Debug, Clone, Copy, Default)]
pub struct SandboxProvider;

const SLOW: Duration = Duration::from_secs(2);

#[async_trait]
impl PaymentProvider for SandboxProvider {
    async fn authorise(
        &self,
        _key: &str,
        request: &NewAuthorisation,
    ) -> Result<AuthorisationOutcome, ProviderError> {
        match request.payment_token.as_str() {
            "tok_declined" => Ok(AuthorisationOutcome::Declined),
            "tok_error" => Err(ProviderError("the sandbox fails for tok_error".to_owned())),
            "tok_slow" => {
                tokio::time::sleep(SLOW).await;
                Ok(AuthorisationOutcome::Approved)
            }
            _ => Ok(AuthorisationOutcome::Approved),
        }
    }
}
