//! A store without room is told in each protocol's own way: come again, and when.

use std::{future::pending, sync::atomic::Ordering};

use opentelemetry_proto::tonic::{
    collector::logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
    common::v1::{AnyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
};
use serde_json::json;
use tonic::Code;

use crate::{
    fakes::watched,
    harness::{Harness, listen, now},
};

#[tokio::test]
async fn a_busy_store_is_told_with_when_to_come_again() {
    let harness = Harness::start().await;
    let (logs, ingest) = watched(&harness);
    logs.is_busy.store(true, Ordering::Relaxed);
    let (http, http_address) = listen().await;
    tokio::spawn(axum::serve(http, ingest.http_router()).into_future());
    let (grpc, grpc_address) = listen().await;
    let served = ingest.clone();
    tokio::spawn(async move { served.serve_grpc(grpc, pending()).await });
    let time = now().to_string();
    let loki = json!({"streams": [{"stream": {"app": "shop"}, "values": [[time, "one"]]}]});
    let record = json!({"timeUnixNano": time, "body": {"stringValue": "one"}});
    let otlp = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]});
    for (path, body) in [("/loki/api/v1/push", &loki), ("/v1/logs", &otlp)] {
        let request = reqwest::Client::new().post(format!("http://{http_address}{path}")).json(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 503, "{path}");
        assert_eq!(answer.headers()["retry-after"], "1", "{path}");
    }
    let record = LogRecord {
        time_unix_nano: now(),
        body: Some(AnyValue { value: Some(Value::StringValue("one".to_owned())) }),
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }],
    };
    let mut client = LogsServiceClient::connect(format!("http://{grpc_address}")).await.unwrap();
    let status = client.export(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let details = String::from_utf8_lossy(status.details()).into_owned();
    assert!(details.contains("google.rpc.RetryInfo"), "{details:?}");
    logs.is_busy.store(false, Ordering::Relaxed);
    client.export(request).await.unwrap();
    assert_eq!(harness.all_logs().len(), 1);
}
