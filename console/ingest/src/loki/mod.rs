//! Loki's push API: `POST /loki/api/v1/push`, snappy protobuf or JSON.
//!
//! `204` when everything was stored, otherwise plain text, as Loki answers. A push that was refused in part is a `400`
//! although the rest is stored: that is Loki's way, and stored lines are not stored again when they come twice.

pub mod labels;
pub mod push;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};
use console_storage::logs::LogAppender;
use http::{HeaderMap, header::CONTENT_TYPE};

use crate::{
    body::{self, Encoding},
    gate::Gate,
    metrics::{Protocol, Signal},
    plain,
    refusal::{Outcome, Refusal},
};

/// What the handler needs.
#[derive(Clone)]
pub struct LokiState {
    pub gate: Gate,
    pub logs: Arc<dyn LogAppender>,
}

pub fn router(state: LokiState) -> Router {
    Router::new().route("/loki/api/v1/push", post(handle)).with_state(Arc::new(state))
}

/// How a push is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Always compressed with snappy, whether the headers say so or not.
    Protobuf,
    Json,
}

impl Format {
    /// From `Content-Type`; none means protobuf, as for Loki.
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let value = headers.get(CONTENT_TYPE).map_or(Ok(""), |v| v.to_str()).unwrap_or("?");
        match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "application/x-protobuf" | "application/protobuf" => Ok(Self::Protobuf),
            "application/json" => Ok(Self::Json),
            _ => Err(Refusal::unsupported("Content-Type must be application/json or application/x-protobuf")),
        }
    }

    fn default_encoding(self) -> Encoding {
        match self {
            Self::Protobuf => Encoding::Snappy,
            Self::Json => Encoding::Identity,
        }
    }
}

async fn handle(State(state): State<Arc<LokiState>>, request: Request) -> Response {
    let result = take(&state, request).await;
    plain::answer(state.gate.count(Signal::Logs, Protocol::Loki, result), Refusal::status)
}

async fn take(state: &LokiState, request: Request) -> Result<Outcome, Refusal> {
    let (parts, body) = request.into_parts();
    state.gate.tokens.check(&parts.headers)?;
    let format = Format::of(&parts.headers)?;
    let encoding = Encoding::of(&parts.headers, format.default_encoding())?;
    let raw = body::read(&parts.headers, body, &state.gate.limits).await?;
    let (limits, logs) = (state.gate.limits.clone(), state.logs.clone());
    let work = move || {
        let bytes = body::decompress(encoding, raw, &limits)?;
        let (streams, refused) = match format {
            Format::Protobuf => push::from_proto(&bytes, &limits)?,
            Format::Json => push::from_json(&bytes, &limits)?,
        };
        drop(bytes);
        let stored = if streams.is_empty() { Ok(Default::default()) } else { logs.append(streams) };
        Outcome::settle(refused, stored)
    };
    state.gate.run(work).await
}
