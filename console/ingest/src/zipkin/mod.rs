//! Zipkin's collector: `POST /api/v2/spans`, JSON as its reporters send it.
//!
//! `202` when everything was stored, otherwise plain text. A request that was refused in part is a `400` although the rest
//! is stored, as for Loki: reporters look at nothing but the status, and a stored span is not stored again when it comes
//! twice.

pub mod span;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use console_storage::traces::SpanAppender;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};

use crate::{
    body::{self, Encoding},
    gate::Gate,
    metrics::{Protocol, Signal},
    plain,
    refusal::{Outcome, Refusal},
};

/// What the handler needs.
#[derive(Clone)]
pub struct ZipkinState {
    pub gate: Gate,
    pub spans: Arc<dyn SpanAppender>,
}

pub fn router(state: ZipkinState) -> Router {
    Router::new().route("/api/v2/spans", post(handle)).with_state(Arc::new(state))
}

async fn handle(State(state): State<Arc<ZipkinState>>, request: Request) -> Response {
    let result = take(&state, request).await;
    match state.gate.count(Signal::Traces, Protocol::Zipkin, result) {
        Ok(outcome) if outcome.refused.count == 0 => StatusCode::ACCEPTED.into_response(),
        other => plain::answer(other, Refusal::status),
    }
}

/// JSON is all that is spoken; a reporter that says nothing means it.
fn check_format(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(CONTENT_TYPE).map_or(Ok(""), |v| v.to_str()).unwrap_or("?");
    match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "application/json" => Ok(()),
        _ => Err(Refusal::unsupported(
            "Content-Type must be application/json: protobuf and Thrift are not taken",
        )),
    }
}

async fn take(state: &ZipkinState, request: Request) -> Result<Outcome, Refusal> {
    let (parts, body) = request.into_parts();
    state.gate.tokens.check(&parts.headers)?;
    check_format(&parts.headers)?;
    let encoding = Encoding::of(&parts.headers, Encoding::Identity)?;
    let raw = body::read(&parts.headers, body, &state.gate.limits).await?;
    let (limits, spans) = (state.gate.limits.clone(), state.spans.clone());
    let work = move || {
        let bytes = body::decompress(encoding, raw, &limits)?;
        let (mapped, refused) = span::from_json(&bytes, &limits)?;
        drop(bytes);
        let stored = if mapped.is_empty() { Ok(Default::default()) } else { spans.append(mapped) };
        Outcome::settle(refused, stored)
    };
    state.gate.run(work).await
}
