//! The Prometheus HTTP API (`/api/v1`), as <https://prometheus.io/docs/prometheus/latest/querying/api/> describes it.

mod envelope;
mod queries;
mod selection;

use std::sync::Arc;

use axum::{Router, routing::get};
use console_storage::source::MetricsSource;

use crate::Limits;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    source: Arc<dyn MetricsSource>,
    limits: Limits,
}

/// All routes below `/api/v1`. Unknown paths there answer Prometheus' error envelope.
pub fn router(source: Arc<dyn MetricsSource>, limits: Limits) -> Router {
    let routes = Router::new()
        .route("/query", get(queries::instant).post(queries::instant))
        .route("/query_range", get(queries::range).post(queries::range))
        .route("/series", get(selection::series).post(selection::series))
        .route("/labels", get(selection::label_names).post(selection::label_names))
        .route("/label/{name}/values", get(selection::label_values))
        .route("/metadata", get(selection::metadata))
        .route("/status/buildinfo", get(selection::build_info))
        .fallback(envelope::not_found)
        .method_not_allowed_fallback(envelope::method_not_allowed)
        .with_state(Api { source, limits });
    Router::new().nest("/api/v1", routes)
}
