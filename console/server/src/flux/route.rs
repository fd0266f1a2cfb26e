//! `POST /api/flux/events`: a body with `X-Signature: sha256=HEX`, its HMAC.

use std::time::Duration;

use aws_lc_rs::hmac;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    response::{IntoResponse, Response},
    routing::post,
};
use console_model::clock::now_ms;
use http::{HeaderMap, StatusCode};
use tower_http::timeout::TimeoutLayer;

use super::{FluxEvents, event};

/// Flux cuts messages itself; this is far beyond.
const MAX_BODY_BYTES: usize = 128 << 10;
const TIMEOUT: Duration = Duration::from_secs(10);

pub fn router(events: FluxEvents) -> Router {
    Router::new()
        .route("/api/flux/events", post(take))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT))
        .with_state(events)
}

async fn take(State(events): State<FluxEvents>, headers: HeaderMap, body: Bytes) -> Response {
    let refuse = |status: StatusCode, why: &str| (status, format!("{why}\n")).into_response();
    let Some(key) = &events.key else {
        return refuse(StatusCode::NOT_FOUND, "the configuration names no flux.events_key_file");
    };
    if !is_signed(key, &headers, &body) {
        return refuse(StatusCode::UNAUTHORIZED, "X-Signature must be sha256= and the HMAC of the body");
    }
    let event = match event::read(&body, now_ms()) {
        Ok(event) => event,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &format!("not an event of Flux: {error}")),
    };
    let kept = match serde_json::to_string(&event) {
        Ok(text) => {
            events.state.keep_flux_event(&body, event.at_ms, &text).await.map_err(|e| crate::error_chain(&e))
        }
        Err(error) => Err(error.to_string()),
    };
    match kept {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        // Flux sends it again.
        Err(error) => {
            tracing::error!(error, "a notification of Flux is not kept");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the event cannot be kept now")
        }
    }
}

/// Compared in constant time.
fn is_signed(key: &hmac::Key, headers: &HeaderMap, body: &[u8]) -> bool {
    let sent =
        headers.get("x-signature").and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("sha256="));
    let sent = sent.and_then(|digits| hex::decode(digits).ok());
    sent.is_some_and(|sent| hmac::verify(key, body, &sent).is_ok())
}
