//! The composition: stores in, routers and services out.

use std::{future::Future, sync::Arc};

use axum::Router;
use console_storage::{logs::LogAppender, metrics::SampleAppender, traces::SpanAppender};
use prometheus::Registry;
use tokio::net::TcpListener;
use tonic::{
    service::Routes,
    transport::{Server, server::TcpIncoming},
};

use crate::{
    auth::Tokens,
    gate::Gate,
    limits::IngestLimits,
    loki::{self, LokiState},
    metrics::IngestMetrics,
    otlp::{self, Exporter, http::OtlpState},
    remote_write::{self, RemoteWriteState},
};

/// What ingest needs.
pub struct IngestDeps<'a> {
    pub spans: Arc<dyn SpanAppender>,
    pub logs: Arc<dyn LogAppender>,
    pub samples: Arc<dyn SampleAppender>,
    /// Gets the counters of ingest.
    pub registry: &'a Registry,
    /// Accepted bearer tokens; none: open.
    pub tokens: Vec<String>,
    pub limits: IngestLimits,
}

/// All pushing protocols over one set of stores, limits and tokens. Cheap to clone.
#[derive(Clone)]
pub struct Ingest {
    state: OtlpState,
}

impl Ingest {
    /// Fails when the registry has the counters already.
    pub fn new(deps: IngestDeps<'_>) -> Result<Self, prometheus::Error> {
        let metrics = IngestMetrics::register(deps.registry)?;
        let limits = Arc::new(deps.limits);
        let exporter = Exporter::new(deps.spans, deps.logs, deps.samples, limits.clone());
        let gate = Gate::new(Tokens::new(deps.tokens), limits, metrics);
        Ok(Self { state: OtlpState { gate, exporter } })
    }

    /// OTLP/HTTP, Loki push and remote write.
    pub fn http_router(&self) -> Router {
        self.otlp_http_router().merge(self.loki_router()).merge(self.remote_write_router())
    }

    /// `/v1/traces`, `/v1/logs`, `/v1/metrics`.
    pub fn otlp_http_router(&self) -> Router {
        otlp::http::router(self.state.clone())
    }

    /// `/loki/api/v1/push`.
    pub fn loki_router(&self) -> Router {
        let (gate, logs) = (self.state.gate.clone(), self.state.exporter.logs.clone());
        loki::router(LokiState { gate, logs })
    }

    /// `/api/v1/write`.
    pub fn remote_write_router(&self) -> Router {
        let (gate, samples) = (self.state.gate.clone(), self.state.exporter.samples.clone());
        remote_write::router(RemoteWriteState { gate, samples, cache: Arc::default() })
    }

    /// OTLP/gRPC.
    pub fn grpc_routes(&self) -> Routes {
        otlp::grpc::routes(&self.state)
    }

    /// Serves OTLP/gRPC until `shutdown` ends, then lets running calls finish.
    pub async fn serve_grpc(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error> {
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        Server::builder()
            .add_routes(self.grpc_routes())
            .serve_with_incoming_shutdown(incoming, shutdown)
            .await
    }

    /// For the protocols that are composed elsewhere (scraping).
    pub fn metrics(&self) -> IngestMetrics {
        self.state.gate.metrics.clone()
    }

    pub fn tokens(&self) -> Tokens {
        self.state.gate.tokens.clone()
    }

    pub fn limits(&self) -> Arc<IngestLimits> {
        self.state.gate.limits.clone()
    }
}
