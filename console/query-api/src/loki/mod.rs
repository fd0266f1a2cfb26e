//! Loki's HTTP API (`/loki/api/v1`), reading side.

mod answers;
mod detect;
mod envelope;
mod index;
mod moment;
mod queries;
mod tail;

use std::sync::Arc;

use axum::{Router, routing::get};
use console_storage::source::LogsSource;

use crate::Limits;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    source: Arc<dyn LogsSource>,
    limits: Limits,
}

/// All routes below `/loki/api/v1` that read. The caller merges the push route beside them, so this router has no
/// fallback of its own; [`not_found`] is the one to set after merging.
pub fn router(source: Arc<dyn LogsSource>, limits: Limits) -> Router {
    Router::new()
        .route("/loki/api/v1/query", get(queries::instant).post(queries::instant))
        .route("/loki/api/v1/query_range", get(queries::range).post(queries::range))
        .route("/loki/api/v1/labels", get(queries::label_names).post(queries::label_names))
        .route("/loki/api/v1/label", get(queries::label_names))
        .route("/loki/api/v1/label/{name}/values", get(queries::label_values))
        .route("/loki/api/v1/series", get(queries::series).post(queries::series))
        .route("/loki/api/v1/tail", get(tail::tail))
        .route("/loki/api/v1/index/stats", get(index::stats).post(index::stats))
        .route("/loki/api/v1/index/volume", get(index::volume).post(index::volume))
        .route("/loki/api/v1/index/volume_range", get(index::volume_range).post(index::volume_range))
        .route("/loki/api/v1/detected_labels", get(detect::labels).post(detect::labels))
        .route("/loki/api/v1/detected_fields", get(detect::fields).post(detect::fields))
        .route(
            "/loki/api/v1/detected_field/{name}/values",
            get(detect::field_values).post(detect::field_values),
        )
        .route("/loki/api/v1/patterns", get(detect::patterns).post(detect::patterns))
        .route("/loki/api/v1/format_query", get(queries::format_query).post(queries::format_query))
        .route("/loki/api/v1/status/buildinfo", get(queries::build_info))
        .route("/loki/api/v1/{*rest}", axum::routing::any(envelope::not_found))
        .with_state(Api { source, limits })
}
