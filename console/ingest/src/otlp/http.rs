//! OTLP/HTTP: `POST /v1/traces`, `/v1/logs`, `/v1/metrics`, protobuf or JSON (OTLP specification 1.9, "OTLP/HTTP").
//!
//! Answers come in the request's encoding; a refused request gets a `google.rpc.Status`.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
};
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};

use super::Exporter;
use crate::{
    body::{self, Encoding},
    gate::Gate,
    json,
    metrics::{Protocol, Signal},
    refusal::{Outcome, Refusal, RefusalKind},
};

/// What the handlers share.
#[derive(Clone)]
pub struct OtlpState {
    pub gate: Gate,
    pub exporter: Exporter,
}

/// One signal: its request, its answer, and where it is written.
pub trait SignalService: Send + Sync + 'static {
    const SIGNAL: Signal;
    type Request: Message + Default + DeserializeOwned + 'static;
    type Response: Message + Serialize;

    fn export(exporter: &Exporter, request: Self::Request) -> Result<Outcome, Refusal>;

    /// The answer to a request that was taken; empty when nothing was refused.
    fn response(outcome: &Outcome) -> Self::Response;
}

macro_rules! signal_service {
    ($name:ident, $signal:expr, $export:ident, $request:ty, $response:ident, $partial:ident, $rejected:ident) => {
        pub struct $name;

        impl SignalService for $name {
            const SIGNAL: Signal = $signal;
            type Request = $request;
            type Response = $response;

            fn export(exporter: &Exporter, request: $request) -> Result<Outcome, Refusal> {
                exporter.$export(request)
            }

            fn response(outcome: &Outcome) -> $response {
                let partial = $partial {
                    $rejected: i64::try_from(outcome.refused.count).unwrap_or(i64::MAX),
                    error_message: outcome.refused.message.clone(),
                };
                $response { partial_success: (outcome.refused.count > 0).then_some(partial) }
            }
        }
    };
}

signal_service!(
    Traces,
    Signal::Traces,
    traces,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
    ExportTracePartialSuccess,
    rejected_spans
);
signal_service!(
    Logs,
    Signal::Logs,
    logs,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
    ExportLogsPartialSuccess,
    rejected_log_records
);
signal_service!(
    Metrics,
    Signal::Metrics,
    metrics,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
    ExportMetricsPartialSuccess,
    rejected_data_points
);

/// The three paths.
pub fn router(state: OtlpState) -> Router {
    Router::new()
        .route("/v1/traces", post(handle::<Traces>))
        .route("/v1/logs", post(handle::<Logs>))
        .route("/v1/metrics", post(handle::<Metrics>))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::new(state))
}

/// How a request is written, and so its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Protobuf,
    Json,
}

impl Format {
    /// From `Content-Type`, parameters ignored.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        })
    }

    fn encode<T: Message + Serialize>(self, message: &T) -> Vec<u8> {
        match self {
            Self::Protobuf => message.encode_to_vec(),
            Self::Json => serde_json::to_vec(message).unwrap_or_else(|_| b"{}".to_vec()),
        }
    }
}

/// Decodes a request of one signal.
pub fn decode<T: Message + Default + DeserializeOwned>(
    format: Format,
    bytes: &Bytes,
    max_depth: usize,
) -> Result<T, Refusal> {
    match format {
        Format::Protobuf => T::decode(&bytes[..]).map_err(|e| Refusal::invalid("undecodable", e.to_string())),
        Format::Json => json::decode(bytes, max_depth),
    }
}

async fn handle<S: SignalService>(State(state): State<Arc<OtlpState>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let format = Format::of(&parts.headers);
    let result = export::<S>(&state, format, &parts.headers, body).await;
    let format = format.unwrap_or(Format::Json);
    match state.gate.count(S::SIGNAL, Protocol::OtlpHttp, result) {
        Ok(outcome) => {
            ([(CONTENT_TYPE, format.content_type())], format.encode(&S::response(&outcome))).into_response()
        }
        Err(refusal) => refused(format, &refusal),
    }
}

async fn export<S: SignalService>(
    state: &OtlpState,
    format: Option<Format>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Outcome, Refusal> {
    state.gate.tokens.check(headers)?;
    let format = format.ok_or_else(|| {
        Refusal::unsupported("Content-Type must be application/x-protobuf or application/json")
    })?;
    let encoding = Encoding::of(headers, Encoding::Identity)?;
    let raw = body::read(headers, body, &state.gate.limits).await?;
    let (limits, exporter) = (state.gate.limits.clone(), state.exporter.clone());
    let work = move || {
        let bytes = body::decompress(encoding, raw, &limits)?;
        let request = decode(format, &bytes, limits.max_json_depth)?;
        drop(bytes);
        S::export(&exporter, request)
    };
    state.gate.run(work).await
}

/// `google.rpc.Status` without details.
#[derive(Clone, PartialEq, Message, Serialize)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn refused(format: Format, refusal: &Refusal) -> Response {
    let status = RpcStatus { code: refusal.code() as i32, message: refusal.message.clone() };
    let mut response =
        (refusal.status(), [(CONTENT_TYPE, format.content_type())], format.encode(&status)).into_response();
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after_s {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    match refusal.kind {
        RefusalKind::Unauthenticated => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        RefusalKind::MethodNotAllowed => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
    response
}

async fn method_not_allowed(State(state): State<Arc<OtlpState>>, headers: HeaderMap) -> Response {
    let refusal = Refusal {
        kind: RefusalKind::MethodNotAllowed,
        message: "OTLP is sent with POST".to_owned(),
        retry_after_s: None,
        reason: "method_not_allowed",
    };
    state.gate.metrics.rejected(Protocol::OtlpHttp, refusal.reason, 1);
    refused(Format::of(&headers).unwrap_or(Format::Json), &refusal)
}
