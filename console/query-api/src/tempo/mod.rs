//! Tempo's HTTP API, as Grafana's Tempo data source uses it.

mod envelope;
mod legacy;
mod metrics;
mod otlp;
mod protobuf;
mod search;
mod tags;
mod times;
mod traces;

use std::sync::Arc;

use axum::{Router, routing::get};
use console_storage::source::TracesSource;

use crate::Limits;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    source: Arc<dyn TracesSource>,
    limits: Limits,
}

/// All routes of Tempo's reading side.
pub fn router(source: Arc<dyn TracesSource>, limits: Limits) -> Router {
    Router::new()
        .route("/api/echo", get(|| async { "echo" }))
        .route("/api/traces/{id}", get(traces::show))
        .route("/api/v2/traces/{id}", get(traces::show_v2))
        .route("/api/search", get(search::search))
        .route("/api/search/tags", get(tags::tags))
        .route("/api/v2/search/tags", get(tags::tags_v2))
        .route("/api/search/tag/{tag}/values", get(tags::tag_values))
        .route("/api/v2/search/tag/{tag}/values", get(tags::tag_values_v2))
        .route("/api/metrics/query_range", get(metrics::query_range))
        .route("/api/metrics/query", get(metrics::query_instant))
        .route("/api/status/buildinfo", get(traces::build_info))
        .with_state(Api { source, limits })
}
