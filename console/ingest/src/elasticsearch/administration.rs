//! Indices, data streams, templates, policies and pipelines: what shippers set up before they write.

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::WARNING};
use serde_json::json;

use super::{ElasticsearchState, answer, names};
use crate::{body, metrics::Protocol, refusal::Refusal};

/// Why an acknowledged template changes nothing (RFC 7234, section 5.5: 299, for people to read).
const NOT_KEPT: &str = "299 Quarterdeck \"documents become log entries: templates, policies and pipelines are not kept or applied\"";

fn refuse(state: &ElasticsearchState, refusal: &Refusal) -> Response {
    state.gate.metrics.rejected(Protocol::Elasticsearch, refusal.reason, 1);
    answer::refused(refusal)
}

/// Creates an index or a data stream: there is nothing to do but to remember the name. The body, settings and mappings, is
/// read and left.
pub async fn create(
    State(state): State<ElasticsearchState>,
    Path(index): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(e) = state.gate.tokens.check_elasticsearch(&parts.headers) {
        return refuse(&state, &e.into());
    }
    if let Err(e) = body::read(&parts.headers, body, &state.gate.limits).await {
        return refuse(&state, &e.into());
    }
    if let Err(fault) = names::check(&index) {
        return answer::error(fault.status, fault.kind, &fault.message);
    }
    state.names.add(&index);
    answer::of(StatusCode::OK, json!({"acknowledged": true, "shards_acknowledged": true, "index": index}))
}

/// Whether an index or a data stream was created or written to since the start.
pub async fn exists(
    State(state): State<ElasticsearchState>,
    Path(index): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if let Err(e) = state.gate.tokens.check_elasticsearch(&headers) {
        return refuse(&state, &e.into());
    }
    if index.starts_with('_') {
        return no_handler(&method, &format!("/{index}"));
    }
    if state.names.contains(&index) {
        return answer::of(StatusCode::OK, json!({index: {"aliases": {}, "mappings": {}, "settings": {}}}));
    }
    let shown: String = index.chars().take(64).collect();
    answer::error(StatusCode::NOT_FOUND, "index_not_found_exception", &format!("no such index [{shown}]"))
}

/// A template, policy or pipeline is never there.
pub async fn absent(
    State(state): State<ElasticsearchState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(e) = state.gate.tokens.check_elasticsearch(&headers) {
        return refuse(&state, &e.into());
    }
    let shown: String = name.chars().take(64).collect();
    answer::error(StatusCode::NOT_FOUND, "resource_not_found_exception", &format!("[{shown}] not found"))
}

/// Takes a template, policy or pipeline and says in a header that it has no effect.
pub async fn acknowledge(State(state): State<ElasticsearchState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(e) = state.gate.tokens.check_elasticsearch(&parts.headers) {
        return refuse(&state, &e.into());
    }
    if let Err(e) = body::read(&parts.headers, body, &state.gate.limits).await {
        return refuse(&state, &e.into());
    }
    let mut response = answer::of(StatusCode::OK, json!({"acknowledged": true}));
    response.headers_mut().insert(WARNING, HeaderValue::from_static(NOT_KEPT));
    response
}

/// What is not spoken here, named.
pub async fn unknown(State(state): State<ElasticsearchState>, request: Request) -> Response {
    state.gate.metrics.rejected(Protocol::Elasticsearch, "unknown_endpoint", 1);
    no_handler(request.method(), request.uri().path().trim_start_matches("/elasticsearch"))
}

fn no_handler(method: &Method, path: &str) -> Response {
    let shown: String = path.chars().take(128).collect();
    let reason = format!("no handler found for uri [{shown}] and method [{method}]");
    answer::error(StatusCode::BAD_REQUEST, "illegal_argument_exception", &reason)
}
