use bytes::Bytes;
use console_model::span::{SpanKind, SpanStatus};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
        trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
    },
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, status::StatusCode},
};
use prost::Message;
use tonic::{Code, codec::CompressionEncoding, metadata::MetadataValue, transport::Channel};

use console_ingest::IngestLimits;

use crate::harness::{Harness, now};

pub fn attribute(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

pub fn resource() -> Option<Resource> {
    let attributes = vec![
        attribute("service.name", "payments"),
        attribute("service.instance.id", "payments-1"),
        attribute("service.version", "1.2.3"),
    ];
    Some(Resource { attributes, ..Resource::default() })
}

pub fn span(id: u8) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: vec![id; 8],
        name: "authorise payment".to_owned(),
        kind: 3,
        start_time_unix_nano: now() - 5_000_000,
        end_time_unix_nano: now(),
        attributes: vec![attribute("shop.payment.outcome", "declined")],
        status: Some(Status { message: "declined".to_owned(), code: StatusCode::Error as i32 }),
        ..Span::default()
    }
}

pub fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = Some(InstrumentationScope { name: "lib".to_owned(), ..InstrumentationScope::default() });
    let scope_spans = vec![ScopeSpans { scope, spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

async fn client(harness: &Harness) -> TraceServiceClient<Channel> {
    TraceServiceClient::connect(harness.grpc.clone()).await.unwrap()
}

#[tokio::test]
async fn spans_arrive_whole_plain_and_with_gzip() {
    let harness = Harness::start().await;
    let answer = client(&harness).await.export(traces(vec![span(1)])).await.unwrap().into_inner();
    assert_eq!(answer.partial_success, None);
    let mut gzip = client(&harness).await.send_compressed(CompressionEncoding::Gzip);
    gzip.export(traces(vec![span(2)])).await.unwrap();
    let stored = harness.all_traces();
    assert_eq!((stored.len(), stored[0].spans.len()), (1, 2));
    let span = &stored[0].spans[0];
    assert_eq!((&*span.service, &*span.name, &*span.scope_name), ("payments", "authorise payment", "lib"));
    assert_eq!((span.kind, span.status), (SpanKind::Client, SpanStatus::Error));
    assert_eq!(span.attribute("shop.payment.outcome").unwrap().to_string(), "declined");
    assert_eq!(span.resource_attribute("service.version").unwrap().to_string(), "1.2.3");
    let accepted = ["accepted", "otlp_grpc", "traces"];
    assert_eq!(harness.counter("quarterdeck_ingest_items_total", &accepted), 2);
}

#[tokio::test]
async fn a_bad_span_does_not_take_the_good_one_with_it() {
    let harness = Harness::start().await;
    let bad = Span { trace_id: vec![1; 3], ..span(1) };
    let answer = client(&harness).await.export(traces(vec![bad, span(2)])).await.unwrap().into_inner();
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert_eq!(partial.error_message, "span \"authorise payment\": traceId has 3 bytes instead of 16");
    assert_eq!(harness.all_traces()[0].spans.len(), 1);
    assert_eq!(harness.counter("quarterdeck_ingest_rejected_total", &["otlp_grpc", "invalid_id"]), 1);
}

#[tokio::test]
async fn a_request_of_nothing_but_bad_spans_is_an_invalid_argument() {
    let harness = Harness::start().await;
    let backwards = Span { end_time_unix_nano: 1, ..span(1) };
    let status = client(&harness).await.export(traces(vec![backwards])).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("endTimeUnixNano 1 is before startTimeUnixNano"), "{status}");
    assert!(status.metadata().get("quarterdeck-counted").is_none(), "a mark of the inside");
    assert_eq!(harness.counter("quarterdeck_ingest_rejected_total", &["otlp_grpc", "invalid_timestamp"]), 1);
}

#[tokio::test]
async fn a_wrong_token_is_unauthenticated_and_counted() {
    let harness = Harness::with(&["secret"], IngestLimits::default()).await;
    let mut client = client(&harness).await;
    let status = client.export(traces(vec![span(1)])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let mut request = tonic::Request::new(traces(vec![span(1)]));
    request.metadata_mut().insert("authorization", MetadataValue::from_static("Bearer secret"));
    client.export(request).await.unwrap();
    assert_eq!(harness.counter("quarterdeck_ingest_rejected_total", &["otlp_grpc", "unauthenticated"]), 1);
    assert_eq!(harness.all_traces().len(), 1);
}

#[tokio::test]
async fn log_records_become_streams_with_trace_ids() {
    let harness = Harness::start().await;
    let record = LogRecord {
        time_unix_nano: now(),
        severity_number: 17,
        body: Some(AnyValue { value: Some(Value::StringValue("payment declined by provider".to_owned())) }),
        attributes: vec![attribute("shop.order.id", "42")],
        trace_id: vec![7; 16],
        span_id: vec![1; 8],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }];
    let mut client = LogsServiceClient::connect(harness.grpc.clone()).await.unwrap();
    client.export(ExportLogsServiceRequest { resource_logs }).await.unwrap();
    let stored = harness.all_logs();
    let (labels, entry) = &stored[0];
    let want = r#"{level="error", service_instance_id="payments-1", service_name="payments"}"#;
    assert_eq!(labels.to_string(), want);
    assert_eq!(entry.line, "payment declined by provider");
    let metadata: Vec<_> = entry.metadata.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let want = [
        "service_version=1.2.3".to_owned(),
        "severity_number=17".to_owned(),
        "shop_order_id=42".to_owned(),
        format!("span_id={}", "01".repeat(8)),
        format!("trace_id={}", "07".repeat(16)),
    ];
    assert_eq!(metadata, want);
}

/// One raw call over HTTP/2, to send what no client would.
async fn raw(harness: &Harness, encoding: &str, flag: u8, message: &[u8]) -> reqwest::Response {
    let mut body = vec![flag];
    body.extend((message.len() as u32).to_be_bytes());
    body.extend(message);
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let path = "opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let request = client.post(format!("{}/{path}", harness.grpc)).header("content-type", "application/grpc");
    request
        .header("te", "trailers")
        .header("grpc-encoding", encoding)
        .body(Bytes::from(body))
        .send()
        .await
        .unwrap()
}

fn grpc_status(response: &reqwest::Response) -> &str {
    response.headers().get("grpc-status").map_or("", |v| v.to_str().unwrap())
}

#[tokio::test]
async fn zstd_is_taken_and_a_bomb_is_refused() {
    let limits = IngestLimits { max_decompressed_bytes: 1 << 20, ..IngestLimits::default() };
    let harness = Harness::with(&[], limits).await;
    let message = zstd::encode_all(&traces(vec![span(1)]).encode_to_vec()[..], 3).unwrap();
    assert_eq!(grpc_status(&raw(&harness, "zstd", 1, &message).await), "");
    assert_eq!(harness.all_traces().len(), 1);
    let bomb = zstd::encode_all(&vec![0u8; 2 << 20][..], 3).unwrap();
    let refused = raw(&harness, "zstd", 1, &bomb).await;
    assert_eq!(grpc_status(&refused), "3");
    assert_eq!(harness.counter("quarterdeck_ingest_rejected_total", &["otlp_grpc", "too_large"]), 1);
}

#[tokio::test]
async fn garbage_and_invalid_utf8_are_refused_by_name_and_counted() {
    let harness = Harness::start().await;
    let mut message = traces(vec![span(1)]).encode_to_vec();
    let at = message.windows(9).position(|w| w == b"authorise").unwrap();
    message[at] = 0xff;
    let refused = raw(&harness, "identity", 0, &message).await;
    let said = refused.headers()["grpc-message"].to_str().unwrap().to_owned();
    assert!(said.contains("name"), "{said}");
    assert_ne!(grpc_status(&raw(&harness, "identity", 0, b"\xff\xff garbage").await), "0");
    assert_eq!(harness.counter("quarterdeck_ingest_rejected_total", &["otlp_grpc", "undecodable"]), 2);
}

#[tokio::test]
async fn shutdown_lets_the_server_end_and_spans_outlive_it() {
    let mut harness = Harness::start().await;
    client(&harness).await.export(traces(vec![span(1)])).await.unwrap();
    harness.stop_grpc().await;
    // Without a sync or an orderly close: what was acknowledged is in the log already.
    let config = console_tracestore::TraceStoreConfig::new(harness.dir.path().join("traces"));
    let reopened = console_tracestore::TraceStore::open(config).unwrap();
    let id = console_model::span::TraceId([7; 16]);
    let trace = console_storage::traces::SpanReader::trace(&reopened, id).unwrap();
    assert_eq!(trace.unwrap().spans.len(), 1);
}
