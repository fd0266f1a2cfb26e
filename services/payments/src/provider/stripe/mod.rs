//! Stripe's PaymentIntents over HTTP (<https://docs.stripe.com/api/payment_intents>): form-encoded, captured by hand,
//! every call that moves money under an `Idempotency-Key`.
//!
//! The hold's key stands in the intent's metadata, so that an intent whose answer was lost is found again by search;
//! search lags behind by up to a minute.

mod wire;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use shop_contracts::Money;
use shop_instrumentation::config::Secret;

use self::wire::{ErrorEnvelope, Found, Intent, Refund, Refunds};
use super::{
    HoldDecision, HoldRequest, Lookup, PaymentProvider, ProviderError, ProviderPayment, RefundStanding,
};

/// Its name in webhook paths.
pub const NAME: &str = "stripe";
/// The header that signs its webhooks.
pub const SIGNATURE_HEADER: &str = "stripe-signature";
/// The version of the API that the wire types describe.
const API_VERSION: &str = "2024-06-20";
/// Largest answer read, bytes.
const LARGEST_ANSWER: usize = 256 * 1024;

/// Stripe, or a server that speaks as it does.
pub struct StripeProvider {
    http: reqwest::Client,
    base: String,
    key: Secret,
}

impl StripeProvider {
    /// A client of `base` (`https://api.stripe.com`) with a secret key.
    pub fn new(base: &str, key: Secret) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(1))
            .timeout(Duration::from_secs(10))
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), key })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        request.bearer_auth(self.key.expose()).header("stripe-version", API_VERSION)
    }

    fn post(&self, path: &str, key: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.request(Method::POST, path).header("idempotency-key", key).form(form)
    }

    async fn refunds_of(&self, reference: &str) -> Result<Vec<Refund>, ProviderError> {
        let request = self.request(Method::GET, "/v1/refunds");
        let page: Refunds =
            send(request.query(&[("payment_intent", reference), ("limit", "100")])).await?.decode()?;
        if page.has_more {
            return Err(ProviderError::Unknown("more than 100 refunds of one payment".to_owned()));
        }
        Ok(page.data)
    }
}

/// A reference goes into a path: only what Stripe's ids are made of.
fn checked(reference: &str) -> Result<&str, ProviderError> {
    let plain = reference.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && !reference.is_empty() {
        return Ok(reference);
    }
    Err(ProviderError::Refused("not a reference of this provider".to_owned()))
}

/// An answer in full.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    fn decode<T: DeserializeOwned>(&self) -> Result<T, ProviderError> {
        if !self.status.is_success() {
            return Err(self.error());
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| ProviderError::Unknown(format!("unreadable answer: {error}")))
    }

    /// Only an answer that names the request as wrong is a refusal. Refused credentials, throttling, a repeat that
    /// overlaps the first call and the provider's own failures say nothing about the payment.
    fn error(&self) -> ProviderError {
        let told: ErrorEnvelope = serde_json::from_slice(&self.body).unwrap_or_default();
        let detail = format!("{} {}", self.status.as_u16(), told.error.name());
        match self.status {
            // The key was used with another body: the first call under it is the one that counts.
            _ if told.error.kind.as_deref() == Some("idempotency_error") => ProviderError::Unknown(detail),
            StatusCode::BAD_REQUEST | StatusCode::PAYMENT_REQUIRED | StatusCode::NOT_FOUND => {
                ProviderError::Refused(detail)
            }
            _ => ProviderError::Unknown(detail),
        }
    }
}

async fn send(request: RequestBuilder) -> Result<Answer, ProviderError> {
    let unknown = |error: reqwest::Error| ProviderError::Unknown(error.without_url().to_string());
    let mut response = request.send().await.map_err(unknown)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unknown)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(ProviderError::Unknown(format!("an answer of more than {LARGEST_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

#[async_trait]
impl PaymentProvider for StripeProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lookup_lag(&self) -> Duration {
        Duration::from_mins(2)
    }

    async fn authorise(&self, hold: HoldRequest<'_>) -> Result<HoldDecision, ProviderError> {
        let (amount, order) = (hold.amount.amount_minor.to_string(), hold.order_id.to_string());
        let currency = hold.amount.currency.code().to_ascii_lowercase();
        let form = [
            ("amount", amount.as_str()),
            ("currency", currency.as_str()),
            ("capture_method", "manual"),
            ("confirm", "true"),
            ("payment_method_types[]", "card"),
            ("payment_method_data[type]", "card"),
            ("payment_method_data[card][token]", hold.token),
            ("metadata[order_id]", order.as_str()),
            ("metadata[key]", hold.key),
        ];
        let answer = send(self.post("/v1/payment_intents", hold.key, &form)).await?;
        if answer.status == StatusCode::PAYMENT_REQUIRED {
            let told: ErrorEnvelope = serde_json::from_slice(&answer.body).unwrap_or_default();
            return Ok(HoldDecision::Declined {
                reference: told.error.payment_intent.map(|intent| intent.id),
            });
        }
        answer.decode::<Intent>()?.decision()
    }

    async fn capture(&self, key: &str, reference: &str, amount: Money) -> Result<(), ProviderError> {
        let path = format!("/v1/payment_intents/{}/capture", checked(reference)?);
        let amount = amount.amount_minor.to_string();
        let answer = send(self.post(&path, key, &[("amount_to_capture", &amount)])).await?;
        answer.decode::<Intent>()?.must_be("succeeded")
    }

    async fn void(&self, key: &str, reference: &str) -> Result<(), ProviderError> {
        let path = format!("/v1/payment_intents/{}/cancel", checked(reference)?);
        send(self.post(&path, key, &[])).await?.decode::<Intent>()?.must_be("canceled")
    }

    async fn refund(
        &self,
        key: &str,
        reference: &str,
        amount: Money,
    ) -> Result<RefundStanding, ProviderError> {
        let amount = amount.amount_minor.to_string();
        let form = [("payment_intent", checked(reference)?), ("amount", &amount), ("metadata[key]", key)];
        Ok(send(self.post("/v1/refunds", key, &form)).await?.decode::<Refund>()?.standing())
    }

    async fn status(&self, lookup: Lookup<'_>) -> Result<Option<ProviderPayment>, ProviderError> {
        let intent = match lookup {
            Lookup::Reference(reference) => {
                let path = format!("/v1/payment_intents/{}", checked(reference)?);
                let answer = send(self.request(Method::GET, &path)).await?;
                if answer.status == StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                answer.decode::<Intent>()?
            }
            Lookup::Key(key) => {
                if !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b':') {
                    return Err(ProviderError::Refused("not a key of ours".to_owned()));
                }
                let query = format!("metadata['key']:'{key}'");
                let request = self.request(Method::GET, "/v1/payment_intents/search");
                let found: Found = send(request.query(&[("query", &query)])).await?.decode()?;
                let Some(intent) = found.chosen() else { return Ok(None) };
                intent
            }
        };
        let refunds = if intent.was_captured() { self.refunds_of(&intent.id).await? } else { Vec::new() };
        Ok(Some(intent.payment(refunds)))
    }
}
