//! Webhooks of the provider: raw body, signature, then a hint to the reconciler.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use shop_instrumentation::config::Secret;
use shop_instrumentation::http::extract::Path;
use shop_instrumentation::{Code, Problem};

use crate::payments::Payments;
use crate::webhook::Event;
use crate::webhook::signature::verify;

/// How a provider signs its webhooks.
#[derive(Debug, Clone)]
pub struct WebhookKey {
    /// The header that carries the signature.
    pub header: &'static str,
    pub secret: Secret,
}

/// What the route needs.
#[derive(Clone)]
pub struct Webhooks {
    pub payments: Payments,
    pub key: Option<Arc<WebhookKey>>,
}

#[utoipa::path(post, path = "/webhooks/{provider}", params(("provider" = String, Path)), request_body(content = String, content_type = "application/octet-stream", description = "the provider's own body, signed"), responses((status = 204, description = "done"), (status = 401, description = "no valid signature")))]
pub(super) async fn receive(
    State(Webhooks { payments, key }): State<Webhooks>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let seen = |outcome: &str| payments.metrics.webhooks.with_label_values(&[outcome]).inc();
    let refused = |why: String| {
        seen("refused");
        tracing::warn!(why, "webhook refused");
        // One answer for all reasons: a sender without the secret learns nothing.
        Problem::new(Code::Unauthenticated, "the webhook carries no valid signature")
    };
    let key = key.filter(|_| provider == payments.provider.name());
    let key = key.ok_or_else(|| refused("no such provider, or no secret is set".to_owned()))?;
    let signature = headers.get(key.header).and_then(|value| value.to_str().ok());
    let signature = signature.ok_or_else(|| refused("no signature".to_owned()))?;
    let now = payments.clock.now();
    verify(&key.secret, signature, &body, now).map_err(|error| refused(error.to_string()))?;
    let event = Event::parse(&body)?;
    if payments.store.hint(payments.provider.name(), &event, now).await? {
        seen("accepted");
        payments.wake.notify_one();
    } else {
        seen("replayed");
    }
    Ok(StatusCode::NO_CONTENT)
}
