//! For supervisors and scrapers: alive, ready, metrics. Open to all, and without any content of telemetry. These answer
//! when a worker thread has time; whether the process lives is told by [`crate::liveness`].

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};

use console_state::State as Kept;

use crate::{metrics::SelfMetrics, state::away_words, stores::Stores};

/// Whether requests may come.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub fn set(&self, is_ready: bool) {
        self.0.store(is_ready, Ordering::Release);
    }
}

/// `/readyz` tells also that the state is away. `/-/ready` does not: a console without its state still shows telemetry to
/// who was logged in, and where all consoles lose one database together, none of them would be reached.
pub fn router(readiness: Readiness, metrics: SelfMetrics, stores: Stores, state: Arc<Kept>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready_with_state).with_state((readiness.clone(), state)))
        // As Prometheus' clients ask.
        .route("/-/healthy", get(|| async { "Quarterdeck is Healthy.\n" }))
        .route("/-/ready", get(ready).with_state(readiness.clone()))
        // As Loki's and Tempo's clients ask.
        .route("/ready", get(ready).with_state(readiness))
        .route("/metrics", get(exposition).with_state((metrics, stores)))
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    if readiness.0.load(Ordering::Acquire) {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

async fn ready_with_state(State((readiness, state)): State<(Readiness, Arc<Kept>)>) -> Response {
    match away_words(&state) {
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
        None => ready(State(readiness)).await,
    }
}

async fn exposition(State((metrics, stores)): State<(SelfMetrics, Stores)>) -> Response {
    // Counting what the stores hold takes their locks.
    match tokio::task::spawn_blocking(move || metrics.exposition(&stores)).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "own metrics cannot be gathered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
