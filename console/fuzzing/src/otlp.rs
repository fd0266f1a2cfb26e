//! OTLP, in protobuf and in JSON. What a request means does not depend on how it is written.

use std::fmt::Debug;

use bytes::Bytes;
use console_ingest::otlp::{
    self,
    http::{Format, decode},
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};

use crate::{corpora, remote_write::limits};

const MAX_DEPTH: usize = 64;

pub const WORDS: &[&str] = &[
    "\"resourceMetrics\":",
    "\"scopeMetrics\":",
    "\"metrics\":",
    "\"dataPoints\":",
    "\"asDouble\":",
    "\"asInt\":",
    "\"timeUnixNano\":",
    "\"18446744073709551615\"",
    "\"-1\"",
    "\"aggregationTemporality\":",
    "\"histogram\":",
    "\"exponentialHistogram\":",
    "\"bucketCounts\":",
    "\"explicitBounds\":",
    "\"scale\":",
    "\"offset\":",
    "\"positive\":",
    "\"summary\":",
    "\"quantileValues\":",
    "\"attributes\":",
    "\"kvlistValue\":",
    "\"arrayValue\":",
    "\"bytesValue\":",
    "\"traceId\":",
    "\"spanId\":",
    "\"events\":",
    "\"links\":",
    "\"body\":",
    "null",
    "1e999",
    "NaN",
    "{",
    "}",
    "[",
    "]",
    "[[[[[[[[[[[[[[[[",
    ",",
    ":",
    "\"",
    "\\u0000",
    "\\ud800",
    "\"NaN\"",
    "\"Infinity\"",
];

/// Maps a request in either form; one that came as protobuf also in the other, which must give the same.
fn both<R, M>(data: &[u8], map: impl Fn(R) -> M)
where
    R: Message + Default + Serialize + DeserializeOwned + Clone,
    M: Debug,
{
    let bytes = Bytes::copy_from_slice(data);
    if let Ok(request) = decode::<R>(Format::Json, &bytes, MAX_DEPTH) {
        map(request);
    }
    let Ok(request) = decode::<R>(Format::Protobuf, &bytes, MAX_DEPTH) else { return };
    let again: R = decode(Format::Protobuf, &request.encode_to_vec().into(), MAX_DEPTH)
        .unwrap_or_else(|e| panic!("what was encoded does not decode: {e:?}"));
    let (first, second) = (map(request), map(again));
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
}

/// What `map` answers without the index beside it, whose order means nothing.
pub fn metrics_body(data: &[u8]) {
    let limits = limits();
    both(data, |request: ExportMetricsServiceRequest| {
        let (points, refused) = otlp::metrics::map(request, &limits).ok()?;
        let series = points.cumulative.iter().chain(&points.delta);
        for batch in series {
            assert!(!batch.labels.is_empty() && batch.samples.is_sorted_by_key(|s| s.t_ms));
            assert!(batch.histograms.is_sorted_by_key(|h| h.t_ms));
        }
        Some((points.cumulative, points.delta, points.metadata, refused))
    });
}

pub fn logs_body(data: &[u8]) {
    let limits = limits();
    both(data, |request: ExportLogsServiceRequest| {
        let (streams, refused) = otlp::logs::map(request, &limits, 1).ok()?;
        assert!(streams.iter().all(|s| !s.labels.is_empty() && s.labels.len() <= limits.max_labels));
        Some((streams, refused))
    });
}

pub fn traces_body(data: &[u8]) {
    let limits = limits();
    both(data, |request: ExportTraceServiceRequest| {
        let (spans, refused) = otlp::traces::map(request, &limits).ok()?;
        assert!(spans.iter().all(|s| !s.trace_id.is_zero() && !s.span_id.is_zero() && s.duration_ns >= 0));
        Some((spans, refused))
    });
}

const METRICS: &str = r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
"scopeMetrics":[{"scope":{"name":"s","version":"1"},"metrics":[
{"name":"a.count","unit":"1","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"asInt":"5","startTimeUnixNano":"1700000000000000000","timeUnixNano":"1700000001000000000","attributes":[{"key":"k","value":{"arrayValue":{"values":[{"intValue":"1"},{"doubleValue":0.5}]}}}]}]}},
{"name":"a.delta","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"asDouble":1.5,"timeUnixNano":"1700000001000000000"}]}},
{"name":"g","gauge":{"dataPoints":[{"asDouble":-0.5,"timeUnixNano":"1700000001000000000","flags":1}]}},
{"name":"h","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[{"count":"3","sum":2.5,"bucketCounts":["1","1","1"],"explicitBounds":[0.5,1],"timeUnixNano":"1700000001000000000","exemplars":[{"asDouble":0.7,"timeUnixNano":"1700000001000000000","traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}},
{"name":"e","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"count":"3","sum":2.5,"scale":3,"zeroCount":"1","positive":{"offset":-2,"bucketCounts":["1","0","1"]},"negative":{"offset":4,"bucketCounts":["0"]},"timeUnixNano":"1700000001000000000"}]}},
{"name":"q","summary":{"dataPoints":[{"count":"2","sum":3,"quantileValues":[{"quantile":0.5,"value":1}],"timeUnixNano":"1700000001000000000"}]}}
]}]}]}"#;
const LOGS: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[{"timeUnixNano":"1700000001000000000","severityNumber":9,"severityText":"INFO","body":{"kvlistValue":{"values":[{"key":"a","value":{"bytesValue":"AAEC"}},{"key":"b","value":{"boolValue":true}}]}},"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","attributes":[{"key":"x","value":{"doubleValue":1}}]},{"body":{"stringValue":"plain"}}]}]}]}"#;
const TRACES: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"s"},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","name":"GET /","kind":2,"startTimeUnixNano":"1700000001000000000","endTimeUnixNano":"1700000002000000000","status":{"code":2,"message":"no"},"attributes":[{"key":"n","value":{"intValue":"-3"}}],"events":[{"timeUnixNano":"1700000001500000000","name":"e","attributes":[]}],"links":[{"traceId":"5b8efff798038103d269b633813fc60d","spanId":"eee19b7ec3c1b175"}]}]}]}]}"#;

/// The texts, and what they are in protobuf.
fn seeds<R: Message + Default + DeserializeOwned>(own: &str) -> Vec<Vec<u8>> {
    let texts: Vec<_> = corpora::files("otlp").into_iter().chain([own.as_bytes().to_vec()]).collect();
    let binary =
        |t: &Vec<u8>| Some(decode::<R>(Format::Json, &t.clone().into(), MAX_DEPTH).ok()?.encode_to_vec());
    let mut out: Vec<_> = texts.iter().filter_map(binary).filter(|b| !b.is_empty()).collect();
    assert!(!out.is_empty(), "the own seed decodes");
    out.extend(texts.into_iter().filter(|t| t.starts_with(b"{")));
    out
}

pub fn metrics_seeds() -> Vec<Vec<u8>> {
    seeds::<ExportMetricsServiceRequest>(METRICS)
}

pub fn logs_seeds() -> Vec<Vec<u8>> {
    seeds::<ExportLogsServiceRequest>(LOGS)
}

pub fn traces_seeds() -> Vec<Vec<u8>> {
    seeds::<ExportTraceServiceRequest>(TRACES)
}
