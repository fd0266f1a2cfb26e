//! A whole trace by its id.

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use console_model::span::{Trace, TraceId};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Api,
    envelope::TempoError,
    otlp::{self, ResourceSpans},
    protobuf,
};

#[derive(Serialize)]
struct Batches<'a> {
    batches: Vec<ResourceSpans<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    trace: FoundTrace<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FoundTrace<'a> {
    resource_spans: Vec<ResourceSpans<'a>>,
}

async fn find(api: &Api, id: &str) -> Result<Trace, TempoError> {
    let id: TraceId = id.parse().map_err(|e| TempoError::bad_request(format!("{e}")))?;
    let found = api.source.trace(id).await?;
    found.ok_or_else(|| TempoError::not_found(format!("trace not found: {id}")))
}

/// `{"batches":[…]}`, or Tempo's `Trace` in protobuf.
pub async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, TempoError> {
    let trace = find(&api, &id).await?;
    if protobuf::wanted(&headers) {
        return Ok(protobuf::answer(&protobuf::trace(&trace)));
    }
    Ok(Json(Batches { batches: otlp::resource_spans(&trace) }).into_response())
}

/// `{"trace":{"resourceSpans":[…]}}`, or Tempo's `TraceByIDResponse` in protobuf.
pub async fn show_v2(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, TempoError> {
    let trace = find(&api, &id).await?;
    if protobuf::wanted(&headers) {
        let trace = Some(protobuf::trace(&trace));
        return Ok(protobuf::answer(&protobuf::TraceByIdResponse { trace }));
    }
    Ok(Json(Found { trace: FoundTrace { resource_spans: otlp::resource_spans(&trace) } }).into_response())
}

/// Clients ask this to learn what they speak to.
pub async fn build_info() -> Json<Value> {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": "",
        "branch": "",
        "buildDate": "",
        "buildUser": "",
        "goVersion": "",
    }))
}
