//! What clients ask before they write: who is there, with which version, licence, features and nodes.

use axum::{extract::State, response::Response};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, HOST},
};
use serde_json::{Value, json};

use super::{ElasticsearchState, VERSION, answer};
use crate::{auth::AuthError, metrics::Protocol, refusal::Refusal};

const NAME: &str = "quarterdeck";
const MAX_HOST_BYTES: usize = 256;

/// Answers writers and readers alike: it tells nothing of what is stored.
fn greet(state: &ElasticsearchState, headers: &HeaderMap, body: impl FnOnce() -> Value) -> Response {
    match check(state, headers) {
        Ok(()) => answer::of(StatusCode::OK, body()),
        Err(e) => {
            state.gate.metrics.rejected(Protocol::Elasticsearch, e.reason(), 1);
            answer::refused(&Refusal::from(e))
        }
    }
}

fn check(state: &ElasticsearchState, headers: &HeaderMap) -> Result<(), AuthError> {
    let writer = state.gate.tokens.check_elasticsearch(headers);
    match writer {
        // Open reading must not open this to a sender that shows a wrong token, who should learn that it is wrong.
        Err(e) if !(state.readers.is_open() && headers.contains_key(AUTHORIZATION)) => {
            state.readers.check_elasticsearch(headers).map_err(|_| e)
        }
        other => other,
    }
}

pub async fn info(State(state): State<ElasticsearchState>, headers: HeaderMap) -> Response {
    greet(&state, &headers, || {
        json!({
            "name": NAME,
            "cluster_name": NAME,
            "cluster_uuid": NAME,
            "version": {
                "number": VERSION,
                "build_flavor": "default",
                "build_type": NAME,
                "build_hash": env!("CARGO_PKG_VERSION"),
                "build_snapshot": false,
                "minimum_wire_compatibility_version": "7.17.0",
                "minimum_index_compatibility_version": "7.0.0",
            },
            "tagline": "You Know, for Search",
        })
    })
}

/// Beats and Logstash stop without an active one.
pub async fn license(State(state): State<ElasticsearchState>, headers: HeaderMap) -> Response {
    greet(
        &state,
        &headers,
        || json!({"license": {"status": "active", "uid": NAME, "type": "basic", "mode": "basic"}}),
    )
}

/// None of what a licence would bring, lifecycle policies among them.
pub async fn features(State(state): State<ElasticsearchState>, headers: HeaderMap) -> Response {
    greet(&state, &headers, || {
        let absent = json!({"available": false, "enabled": false});
        json!({
            "build": {"hash": env!("CARGO_PKG_VERSION")},
            "license": {"uid": NAME, "type": "basic", "mode": "basic", "status": "active"},
            "features": {"ilm": absent, "security": absent, "monitoring": absent, "ml": absent},
        })
    })
}

/// One node, at the address that the client used: who looks for others finds itself where it is.
pub async fn nodes(State(state): State<ElasticsearchState>, headers: HeaderMap) -> Response {
    let host = headers.get(HOST).and_then(|h| h.to_str().ok()).filter(|h| h.len() <= MAX_HOST_BYTES);
    let address = host.unwrap_or("127.0.0.1").to_owned();
    greet(&state, &headers, || {
        json!({
            "_nodes": {"total": 1, "successful": 1, "failed": 0},
            "cluster_name": NAME,
            "nodes": {NAME: {
                "name": NAME,
                "version": VERSION,
                "roles": ["data", "ingest", "master"],
                "http": {"bound_address": [address], "publish_address": address},
            }},
        })
    })
}

pub async fn health(State(state): State<ElasticsearchState>, headers: HeaderMap) -> Response {
    greet(&state, &headers, || {
        json!({
            "cluster_name": NAME,
            "status": "green",
            "timed_out": false,
            "number_of_nodes": 1,
            "number_of_data_nodes": 1,
            "active_primary_shards": 1,
            "active_shards": 1,
            "relocating_shards": 0,
            "initializing_shards": 0,
            "unassigned_shards": 0,
            "active_shards_percent_as_number": 100.0,
        })
    })
}
