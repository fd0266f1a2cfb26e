//! `POST /api/sns/messages`: what a subscription of the protocol `https` delivers.

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use console_model::clock::now_ms;
use http::StatusCode;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::{Refusal, SnsMessages};

/// The longest message of SNS.
const MAX_BODY_BYTES: usize = 256 << 10;
/// SNS waits fifteen seconds.
const TIMEOUT: Duration = Duration::from_secs(14);
/// Anybody can reach this address. A message comes in one piece: whoever sends it slowly holds no other's turn.
const BODY_WITHIN: Duration = Duration::from_secs(3);
const MAX_BODIES: usize = 1024;
/// More wait their turn within the timeout.
pub(super) const MAX_IN_FLIGHT: usize = 32;

pub fn router(messages: SnsMessages) -> Router {
    Router::new()
        .route("/api/sns/messages", post(take))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(GlobalConcurrencyLimitLayer::new(MAX_BODIES))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT))
        .with_state(messages)
}

/// SNS sends again what is answered 5xx, and gives up what is answered 4xx: it goes to the subscription's dead letters.
async fn take(State(messages): State<SnsMessages>, request: Request) -> Response {
    let refuse = |status: StatusCode, why: &str| (status, format!("{why}\n")).into_response();
    if messages.config.topics.is_empty() {
        return refuse(StatusCode::NOT_FOUND, "the configuration names no sns.topics");
    }
    let body = match tokio::time::timeout(BODY_WITHIN, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) => return rejection.into_response(),
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "the message did not come within 3 s"),
    };
    let Ok(_turn) = messages.turns.acquire().await else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "the console stops");
    };
    let now = now_ms();
    let outcome = messages.take(&body, now).await;
    messages.count(&outcome);
    let error = match outcome {
        Ok(_) => return StatusCode::NO_CONTENT.into_response(),
        Err(error) => error,
    };
    let status = match error {
        Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
        Refusal::Untrusted(_) => StatusCode::FORBIDDEN,
        Refusal::NotNow(_) | Refusal::NotKept(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    messages.refusals.tell(now, "messages of SNS are refused more often than is told", || {
        if status.is_server_error() {
            tracing::error!(error = crate::error_chain(&error), "a message of SNS is not taken now");
        } else {
            tracing::warn!(%error, "a message of SNS is refused");
        }
    });
    refuse(status, &error.to_string())
}
