//! The main listener: pages, assets, protocols, health.

mod assets;
mod graph;
mod health;
mod measure;
mod pages;

use std::{sync::Arc, time::Duration};

use axum::{
    Router, middleware,
    routing::{get, post},
};
use console_app::Backends;
use console_ingest::Ingest;
use console_state::State;
use http::{HeaderValue, StatusCode, header};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer, Predicate,
        predicate::{DefaultPredicate, SizeAbove},
    },
    limit::RequestBodyLimitLayer,
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
};

use crate::{
    auth, auth::Auth, flux, flux::FluxEvents, metrics::SelfMetrics, sns, sns::SnsMessages, sources::Sources,
    stores::Stores,
};

pub use assets::{AssetsError, read as read_assets};
pub use health::Readiness;

/// Longest page or query; engines have shorter limits of their own.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A body that fits into one packet is not worth the work.
const COMPRESSED_FROM_BYTES: u16 = 1400;

/// What the listener is made of.
pub struct Parts {
    pub auth: Auth,
    pub backends: Backends,
    pub sources: Sources,
    pub prometheus: console_query_api::prometheus::Sources,
    pub flux: FluxEvents,
    pub sns: SnsMessages,
    pub ingest: Ingest,
    pub metrics: SelfMetrics,
    pub stores: Stores,
    pub readiness: Readiness,
    pub state: Arc<State>,
    pub site_dir: std::path::PathBuf,
}

/// All routes of the main listener.
pub fn router(parts: Parts) -> Router {
    let Parts {
        auth,
        backends,
        sources,
        prometheus,
        flux,
        sns,
        ingest,
        metrics,
        stores,
        readiness,
        state,
        site_dir,
    } = parts;
    let timeout = || TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT);
    let people = Router::new()
        .route("/login", get(auth::form).post(auth::log_in))
        .route("/logout", post(auth::log_out))
        .route("/theme", post(auth::choose_theme))
        .route("/graph", get(graph::to_explorer))
        .with_state(auth.clone());
    let functions = pages::server_functions(backends.clone())
        .layer(middleware::from_fn_with_state(auth.clone(), auth::require_for_server_functions));
    let pages = pages::router(&auth.assets, backends)
        .layer(middleware::from_fn_with_state(auth.clone(), auth::require_for_pages));
    let readers = auth.tokens.tokens();
    let limits = console_query_api::Limits::default();
    let queries = console_query_api::prometheus::router(prometheus, limits)
        .merge(console_query_api::loki::router(sources.logs.clone(), limits))
        .merge(console_query_api::elasticsearch::router(sources.logs, limits))
        .merge(console_query_api::tempo::router(sources.traces.clone(), limits))
        .merge(console_query_api::jaeger::router(sources.traces, limits))
        .layer(middleware::from_fn_with_state(auth, auth::require_for_queries));
    let bounded = people
        .merge(functions)
        .merge(queries)
        .merge(pages)
        .layer(RequestBodyLimitLayer::new(limits.max_parameters_bytes))
        .layer(timeout());
    Router::new()
        .merge(bounded)
        .merge(assets::router(&site_dir))
        .merge(flux::router(flux))
        .merge(sns::router(sns))
        // Ingest has limits of its own, on what is sent and on what it unpacks to.
        .merge(ingest.loki_router())
        .merge(ingest.remote_write_router())
        .merge(ingest.elasticsearch_router(readers))
        .merge(ingest.zipkin_router())
        .merge(health::router(readiness, metrics.clone(), stores, state))
        .layer(compression())
        .layer(CatchPanicLayer::new())
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ))
        .layer(middleware::from_fn_with_state(metrics, measure::measure))
}

/// gzip of what is long enough, for those who take it.
fn compression() -> CompressionLayer<impl Predicate> {
    let worth_it = DefaultPredicate::new().and(SizeAbove::new(COMPRESSED_FROM_BYTES));
    CompressionLayer::new().no_br().no_zstd().no_deflate().compress_when(worth_it)
}
