//! The Prometheus HTTP API (`/api/v1`), as <https://prometheus.io/docs/prometheus/latest/querying/api/> describes it.
//!
//! Deliberately not here: deletion and snapshots, the live notifications of Prometheus' own pages. Remote write comes in
//! elsewhere.

mod admin;
mod cors;
mod envelope;
mod exemplars;
mod expressions;
mod federate;
mod label_name;
mod matching;
mod metadata;
mod moment;
mod parameters;
mod plain;
mod queries;
mod remote_read;
mod rules;
mod selection;
mod statistics;
mod status;
mod targets;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use console_model::target::TargetList;
use console_storage::{
    SourceError,
    source::{AlertsSource, MetricsSource, TargetsSource},
};

use crate::Limits;

pub use cors::check_origin;
pub use status::Process;

/// What the API reads.
#[derive(Clone)]
pub struct Sources {
    pub metrics: Arc<dyn MetricsSource>,
    pub alerts: Arc<dyn AlertsSource>,
    /// None: nothing is scraped.
    pub targets: Option<Arc<dyn TargetsSource>>,
    pub process: Arc<Process>,
}

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    metrics: Arc<dyn MetricsSource>,
    alerts: Arc<dyn AlertsSource>,
    targets: Option<Arc<dyn TargetsSource>>,
    process: Arc<Process>,
    limits: Limits,
}

impl Api {
    async fn target_list(&self) -> Result<TargetList, SourceError> {
        match &self.targets {
            Some(targets) => targets.targets().await,
            None => Ok(TargetList::default()),
        }
    }
}

/// All routes below `/api/v1`, and `/federate`. Unknown paths below `/api/v1` answer Prometheus' error envelope.
pub fn router(sources: Sources, limits: Limits) -> Router {
    let Sources { metrics, alerts, targets, process } = sources;
    let origins = cors::Origins::new(process.cors_origin.as_deref());
    let api = Api { metrics, alerts, targets, process, limits };
    let routes = Router::new()
        .route("/query", get(queries::instant).post(queries::instant))
        .route("/query_range", get(queries::range).post(queries::range))
        .route("/query_exemplars", get(exemplars::exemplars).post(exemplars::exemplars))
        .route("/format_query", get(expressions::format).post(expressions::format))
        .route("/parse_query", get(expressions::parse).post(expressions::parse))
        .route("/series", get(selection::series).post(selection::series))
        .route("/labels", get(selection::label_names).post(selection::label_names))
        .route("/label/{name}/values", get(selection::label_values))
        .route("/metadata", get(metadata::metrics))
        .route("/targets", get(targets::targets))
        .route("/targets/metadata", get(metadata::targets))
        .route("/scrape_pools", get(targets::pools))
        .route("/rules", get(rules::rules))
        .route("/alerts", get(rules::alerts))
        .route("/alertmanagers", get(rules::alertmanagers))
        .route("/status/buildinfo", get(status::build_info))
        .route("/status/runtimeinfo", get(status::runtime_info))
        .route("/status/flags", get(status::flags))
        .route("/status/config", get(status::config))
        .route("/status/tsdb", get(status::tsdb))
        .route("/status/walreplay", get(status::wal_replay))
        .route("/read", post(remote_read::read))
        .route("/admin/tsdb/{*action}", post(admin::disabled).put(admin::disabled))
        .fallback(envelope::not_found)
        .method_not_allowed_fallback(envelope::method_not_allowed)
        .layer(middleware::from_fn_with_state(origins, cors::layer))
        .with_state(api.clone());
    let federate = Router::new().route("/federate", get(federate::federate)).with_state(api);
    Router::new().nest("/api/v1", routes).merge(federate)
}
