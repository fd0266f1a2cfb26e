//! Takes spans (OTLP over gRPC) and log records (Loki push) and forgets them: where telemetry goes is another machine's
//! work in production, and must not be measured as the shop's.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

struct Forget;

#[tonic::async_trait]
impl TraceService for Forget {
    async fn export(
        &self,
        _: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Serves both until it is killed.
pub async fn serve(grpc: u16, http: u16) -> Result<(), String> {
    let listener = TcpListener::bind(("127.0.0.1", http)).await;
    let listener = listener.map_err(|e| format!("port {http} cannot be bound: {e}"))?;
    let push = post(|_: bytes::Bytes| async { StatusCode::NO_CONTENT });
    let router = Router::new().route("/loki/api/v1/push", push);
    let logs = tokio::spawn(async move { axum::serve(listener, router).await.map_err(|e| e.to_string()) });
    let spans = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(Forget))
        .serve(([127, 0, 0, 1], grpc).into());
    tokio::select! {
        ended = spans => Err(format!("the receiver of spans ended: {ended:?}")),
        ended = logs => Err(format!("the receiver of logs ended: {ended:?}")),
    }
}
