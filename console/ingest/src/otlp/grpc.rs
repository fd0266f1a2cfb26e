//! OTLP/gRPC: the three export services. Tokens, sizes and compression are the business of [`super::frames`].

use axum::middleware::from_fn_with_state;
use opentelemetry_proto::tonic::collector::{
    logs::v1::{
        ExportLogsServiceRequest, ExportLogsServiceResponse,
        logs_service_server::{LogsService, LogsServiceServer},
    },
    metrics::v1::{
        ExportMetricsServiceRequest, ExportMetricsServiceResponse,
        metrics_service_server::{MetricsService, MetricsServiceServer},
    },
    trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
};
use tonic::{Request, Response, Status, metadata::MetadataValue, service::Routes};

use super::{
    frames,
    http::{Logs, Metrics, OtlpState, SignalService, Traces},
};
use crate::metrics::Protocol;

/// The services behind their layer.
pub fn routes(state: &OtlpState) -> Routes {
    let limit = state.gate.limits.max_decompressed_bytes;
    let service = || Service(state.clone());
    let routes = Routes::new(TraceServiceServer::new(service()).max_decoding_message_size(limit))
        .add_service(LogsServiceServer::new(service()).max_decoding_message_size(limit))
        .add_service(MetricsServiceServer::new(service()).max_decoding_message_size(limit));
    let router = routes.into_axum_router().fallback(frames::unknown_method);
    Routes::from(router.layer(from_fn_with_state(state.gate.clone(), frames::admit)))
}

#[derive(Clone)]
struct Service(OtlpState);

impl Service {
    async fn export<S: SignalService>(&self, request: S::Request) -> Result<Response<S::Response>, Status> {
        let exporter = self.0.exporter.clone();
        let result = self.0.gate.run(move || S::export(&exporter, request)).await;
        match self.0.gate.count(S::SIGNAL, Protocol::OtlpGrpc, result) {
            Ok(outcome) => Ok(Response::new(S::response(&outcome))),
            Err(refusal) => {
                let mut status = frames::status(&refusal);
                status.metadata_mut().insert(frames::COUNTED, MetadataValue::from_static("1"));
                Err(status)
            }
        }
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Self::export::<Traces>(self, request.into_inner()).await
    }
}

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        Self::export::<Logs>(self, request.into_inner()).await
    }
}

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        Self::export::<Metrics>(self, request.into_inner()).await
    }
}
