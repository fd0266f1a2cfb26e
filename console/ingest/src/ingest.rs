//! The composition: stores in, routers and services out.

use std::{future::Future, sync::Arc};

use axum::Router;
use console_storage::{logs::LogAppender, metrics::SampleAppender, traces::SpanAppender};
use prometheus::Registry;
use tokio::net::{TcpListener, UdpSocket};
use tonic::{
    service::Routes,
    transport::{Server, server::TcpIncoming},
};

use crate::{
    auth::Tokens,
    elasticsearch::{self, ElasticsearchState},
    forward::{self, ForwardState},
    gate::Gate,
    limits::IngestLimits,
    loki::{self, LokiState},
    metrics::IngestMetrics,
    otlp::{self, Exporter, http::OtlpState},
    remote_write::{self, RemoteWriteState},
    syslog::{self, SyslogState},
    zipkin::{self, ZipkinState},
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

    /// Everything that is sent with HTTP.
    pub fn http_router(&self) -> Router {
        self.otlp_http_router()
            .merge(self.loki_router())
            .merge(self.remote_write_router())
            .merge(self.elasticsearch_router(self.tokens()))
            .merge(self.zipkin_router())
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

    /// Below `/elasticsearch`, what writes. `readers` may see the handshake too.
    pub fn elasticsearch_router(&self, readers: Tokens) -> Router {
        let (gate, logs) = (self.state.gate.clone(), self.state.exporter.logs.clone());
        elasticsearch::router(ElasticsearchState::new(gate, logs, readers))
    }

    /// `/api/v1/write`.
    pub fn remote_write_router(&self) -> Router {
        let (gate, samples) = (self.state.gate.clone(), self.state.exporter.samples.clone());
        remote_write::router(RemoteWriteState { gate, samples, cache: Arc::default() })
    }

    /// `/api/v2/spans`.
    pub fn zipkin_router(&self) -> Router {
        let (gate, spans) = (self.state.gate.clone(), self.state.exporter.spans.clone());
        zipkin::router(ZipkinState { gate, spans })
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

    fn syslog(&self) -> SyslogState {
        SyslogState { gate: self.state.gate.clone(), logs: self.state.exporter.logs.clone() }
    }

    /// Serves syslog over TCP until `shutdown` ends.
    pub async fn serve_syslog_tcp(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        syslog::serve_tcp(self.syslog(), listener, shutdown).await;
    }

    /// Serves syslog over UDP until `shutdown` ends.
    pub async fn serve_syslog_udp(&self, socket: UdpSocket, shutdown: impl Future<Output = ()>) {
        syslog::serve_udp(self.syslog(), socket, shutdown).await;
    }

    /// Serves the forward protocol until `shutdown` ends; senders have to know `shared_key`, where there is one.
    pub async fn serve_forward(
        &self,
        listener: TcpListener,
        shared_key: Option<String>,
        shutdown: impl Future<Output = ()>,
    ) {
        let (gate, logs) = (self.state.gate.clone(), self.state.exporter.logs.clone());
        let state = ForwardState { gate, logs, shared_key: shared_key.map(Into::into) };
        forward::serve(state, listener, shutdown).await;
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
