//! Jaeger's query HTTP API below `/jaeger`, as its UI and Grafana's Jaeger data source use it.
//!
//! Questions become TraceQL, so that one source answers all dialects. Times are microseconds, except for dependencies,
//! which are asked in milliseconds.

mod dependencies;
mod envelope;
mod find;
mod model;
mod services;

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

/// All routes of Jaeger's reading side.
pub fn router(source: Arc<dyn TracesSource>, limits: Limits) -> Router {
    Router::new()
        .route("/jaeger/api/services", get(services::services))
        .route("/jaeger/api/services/{service}/operations", get(services::operations_of))
        .route("/jaeger/api/operations", get(services::operations))
        .route("/jaeger/api/traces", get(find::find))
        .route("/jaeger/api/traces/{id}", get(find::show))
        .route("/jaeger/api/dependencies", get(dependencies::dependencies))
        .with_state(Api { source, limits })
}
