//! One bad item beside good ones, in every signal and over every transport of OTLP: how many were refused, and why.

use console_model::{MatchOp, Matcher};
use console_storage::metrics::SeriesReader;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{
            ExportLogsServiceRequest, ExportLogsServiceResponse, logs_service_client::LogsServiceClient,
        },
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_client::MetricsServiceClient,
        },
        trace::v1::{ExportTraceServiceResponse, trace_service_client::TraceServiceClient},
    },
    common::v1::{AnyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point},
    trace::v1::Span,
};
use prost::Message;
use serde_json::Value as Json;

use crate::{
    grpc::{resource, span, traces},
    harness::{Harness, now},
};

const TRACE_FAULT: &str = "span \"authorise payment\": traceId has 3 bytes instead of 16";
const LOG_FAULT: &str = "log record: traceId has 2 bytes instead of 16";
const METRIC_FAULT: &str = "timeUnixNano";

fn bad_span() -> Span {
    Span { trace_id: vec![1; 3], ..span(9) }
}

fn logs() -> ExportLogsServiceRequest {
    let record = |line: &str, trace_id: Vec<u8>| LogRecord {
        time_unix_nano: now(),
        body: Some(AnyValue { value: Some(Value::StringValue(line.to_owned())) }),
        trace_id,
        ..LogRecord::default()
    };
    let log_records = vec![
        record("good", vec![7; 16]),
        record("bad", vec![7; 2]),
        record("bad too", vec![7; 2]),
        record("good too", Vec::new()),
    ];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

fn metrics() -> ExportMetricsServiceRequest {
    let gauge = |name: &str, time_unix_nano: u64| {
        let value = Some(number_data_point::Value::AsDouble(1.5));
        let data_points = vec![NumberDataPoint { time_unix_nano, value, ..NumberDataPoint::default() }];
        let data = Some(metric::Data::Gauge(Gauge { data_points }));
        Metric { name: name.to_owned(), data, ..Metric::default() }
    };
    let metrics = vec![gauge("good", now()), gauge("bad", u64::MAX)];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics =
        vec![ResourceMetrics { resource: resource(), scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

async fn protobuf<A: Message + Default>(harness: &Harness, path: &str, request: &impl Message) -> A {
    let headers = [("content-type", "application/x-protobuf")];
    let (status, body, headers) = harness.post(path, &headers, request.encode_to_vec()).await;
    assert_eq!((status, &headers["content-type"]), (200, &"application/x-protobuf".parse().unwrap()));
    A::decode(&body[..]).unwrap()
}

/// `partialSuccess` of the answer, with its count as a number: JSON has 64 bits as text or as a number.
async fn json(harness: &Harness, path: &str, request: &impl serde::Serialize, count: &str) -> (i64, String) {
    let headers = [("content-type", "application/json")];
    let (status, body, _) = harness.post(path, &headers, serde_json::to_vec(request).unwrap()).await;
    let answer: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let partial = &answer["partialSuccess"];
    let number = &partial[count];
    let number = number.as_i64().or_else(|| number.as_str()?.parse().ok());
    (number.unwrap_or_else(|| panic!("{answer}")), partial["errorMessage"].as_str().unwrap().to_owned())
}

fn stored_metrics(harness: &Harness) -> usize {
    let names = Matcher { name: "__name__".into(), op: MatchOp::Regex, value: "good|bad".into() };
    harness.samples.select(&[names], 0, i64::MAX / 2_000_000, 100).unwrap().len()
}

#[tokio::test]
async fn refused_spans_are_counted_over_every_transport() {
    let harness = Harness::start().await;
    let request = traces(vec![span(1), bad_span(), span(2)]);
    let grpc = TraceServiceClient::connect(harness.grpc.clone())
        .await
        .unwrap()
        .export(request.clone())
        .await
        .unwrap();
    let grpc = grpc.into_inner().partial_success.unwrap();
    assert_eq!((grpc.rejected_spans, &*grpc.error_message), (1, TRACE_FAULT));
    let answer: ExportTraceServiceResponse = protobuf(&harness, "/v1/traces", &request).await;
    assert_eq!(answer.partial_success.unwrap(), grpc);
    let told = json(&harness, "/v1/traces", &request, "rejectedSpans").await;
    assert_eq!(told, (1, TRACE_FAULT.to_owned()));
    assert_eq!(harness.all_traces()[0].spans.len(), 2, "the good ones, once");
}

#[tokio::test]
async fn refused_log_records_are_counted_over_every_transport() {
    let harness = Harness::start().await;
    let grpc = LogsServiceClient::connect(harness.grpc.clone()).await.unwrap().export(logs()).await.unwrap();
    let grpc = grpc.into_inner().partial_success.unwrap();
    assert_eq!((grpc.rejected_log_records, &*grpc.error_message), (2, LOG_FAULT));
    let answer: ExportLogsServiceResponse = protobuf(&harness, "/v1/logs", &logs()).await;
    assert_eq!(answer.partial_success.unwrap(), grpc);
    let told = json(&harness, "/v1/logs", &logs(), "rejectedLogRecords").await;
    assert_eq!(told, (2, LOG_FAULT.to_owned()));
    let stored = harness.all_logs();
    assert!(stored.len() == 6 && stored.iter().all(|(_, e)| e.line.starts_with("good")), "{stored:?}");
}

#[tokio::test]
async fn refused_data_points_are_counted_over_every_transport() {
    let harness = Harness::start().await;
    let mut client = MetricsServiceClient::connect(harness.grpc.clone()).await.unwrap();
    let grpc = client.export(metrics()).await.unwrap().into_inner().partial_success.unwrap();
    assert_eq!(grpc.rejected_data_points, 1);
    assert!(grpc.error_message.contains(METRIC_FAULT), "{}", grpc.error_message);
    let answer: ExportMetricsServiceResponse = protobuf(&harness, "/v1/metrics", &metrics()).await;
    assert_eq!(answer.partial_success.unwrap(), grpc);
    let told = json(&harness, "/v1/metrics", &metrics(), "rejectedDataPoints").await;
    assert_eq!(told, (1, grpc.error_message));
    assert_eq!(stored_metrics(&harness), 1);
}

#[tokio::test]
async fn a_request_without_a_bad_item_has_no_partial_success() {
    let harness = Harness::start().await;
    let good = traces(vec![span(1)]);
    let answer: ExportTraceServiceResponse = protobuf(&harness, "/v1/traces", &good).await;
    assert_eq!(answer.partial_success, None);
    let headers = [("content-type", "application/json")];
    let (_, body, _) = harness.post("/v1/traces", &headers, serde_json::to_vec(&good).unwrap()).await;
    let answer: Json = serde_json::from_slice(&body).unwrap();
    assert!(answer.get("partialSuccess").is_none_or(Json::is_null), "{answer}");
}
