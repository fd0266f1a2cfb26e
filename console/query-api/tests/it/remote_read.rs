//! `read`, as Prometheus and Thanos ask.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use console_model::{
    Labels,
    histogram::{BucketCount, Histogram, ResetHint},
    metric::{HistogramSample, Sample, stale_nan},
};
use console_storage::metrics::SeriesBatch;
use prost::Message;

use crate::harness::{Api, NOW_S, Told};

#[derive(Message)]
struct ReadRequest {
    #[prost(message, repeated, tag = "1")]
    queries: Vec<Query>,
    #[prost(int32, repeated, tag = "2")]
    accepted_response_types: Vec<i32>,
}

#[derive(Message)]
struct Query {
    #[prost(int64, tag = "1")]
    start: i64,
    #[prost(int64, tag = "2")]
    end: i64,
    #[prost(message, repeated, tag = "3")]
    matchers: Vec<Matcher>,
    /// Hints: their content does not matter.
    #[prost(bytes = "vec", optional, tag = "4")]
    hints: Option<Vec<u8>>,
}

#[derive(Message)]
struct Matcher {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    value: String,
}

#[derive(Message)]
struct ReadResponse {
    #[prost(message, repeated, tag = "1")]
    results: Vec<Results>,
}

#[derive(Message)]
struct Results {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Float>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Native>,
}

#[derive(Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Message)]
struct Float {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Message)]
struct Native {
    #[prost(double, optional, tag = "2")]
    count: Option<f64>,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, optional, tag = "7")]
    zero_count: Option<f64>,
    #[prost(double, repeated, tag = "13")]
    positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    reset_hint: i32,
    #[prost(int64, tag = "15")]
    timestamp: i64,
}

fn matcher(kind: i32, name: &str, value: &str) -> Matcher {
    Matcher { kind, name: name.to_owned(), value: value.to_owned() }
}

fn query(start: i64, end: i64, matchers: Vec<Matcher>) -> Query {
    Query { start: start * 1000, end: end * 1000, matchers, hints: Some(Vec::new()) }
}

async fn posted(api: &Api, body: Vec<u8>) -> (StatusCode, axum::http::HeaderMap, Vec<u8>) {
    let request = Request::post("/api/v1/read")
        .header("content-type", "application/x-protobuf")
        .header("content-encoding", "snappy")
        .header("x-prometheus-remote-read-version", "0.1.0");
    api.answer(request.body(Body::from(body)).unwrap()).await
}

async fn read(api: &Api, queries: Vec<Query>, accepted: &[i32]) -> Result<ReadResponse, String> {
    let request = ReadRequest { queries, accepted_response_types: accepted.to_vec() };
    let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap();
    let (status, headers, body) = posted(api, body).await;
    if status != StatusCode::OK {
        return Err(format!("{status} {}", String::from_utf8(body).unwrap()));
    }
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["content-encoding"], "snappy");
    let body = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    Ok(ReadResponse::decode(&*body).unwrap())
}

#[tokio::test]
async fn samples_come_as_they_are_stored() {
    let h = Histogram {
        schema: 3,
        count: 0.0,
        sum: 1.5,
        reset_hint: ResetHint::Gauge,
        positive: vec![BucketCount { index: 1, count: 2.0 }, BucketCount { index: 2, count: 1.0 }],
        ..Histogram::default()
    };
    let sample = |ago: i64, v: f64| Sample { t_ms: (NOW_S - ago) * 1000, v };
    let ended = SeriesBatch::floats(
        Labels::from_pairs([("__name__", "ended"), ("job", "x")]),
        vec![sample(30, 1.0), sample(15, stale_nan())],
    );
    let native = SeriesBatch {
        labels: Labels::from_pairs([("__name__", "native"), ("job", "x")]),
        histograms: vec![HistogramSample { t_ms: NOW_S * 1000, h: Arc::new(h) }],
        ..SeriesBatch::default()
    };
    let api = Api::over(&[ended, native], &[], Told::default());
    let queries = vec![
        query(NOW_S - 30, NOW_S, vec![matcher(0, "job", "x")]),
        query(NOW_S - 29, NOW_S - 15, vec![matcher(2, "__name__", "end.*"), matcher(1, "job", "y")]),
        query(NOW_S, NOW_S - 30, vec![matcher(0, "job", "x")]),
        query(0, NOW_S, vec![matcher(3, "job", "x|")]),
        // Braces that repeat nothing are text to RE2.
        query(0, NOW_S, vec![matcher(2, "job", "x|{id}")]),
    ];
    let results = read(&api, queries, &[1, 0]).await.unwrap().results;
    let names: Vec<_> = results[0].series.iter().map(|s| s.labels[0].value.as_str()).collect();
    assert_eq!((names, results[0].series[0].labels[1].name.as_str()), (vec!["ended", "native"], "job"));
    let samples = &results[0].series[0].samples;
    assert_eq!((samples[0].timestamp, samples[0].value), ((NOW_S - 30) * 1000, 1.0));
    assert_eq!(samples[1].value.to_bits(), stale_nan().to_bits(), "markers are samples");
    let h = &results[0].series[1].histograms[0];
    assert_eq!((h.count, h.zero_count, h.sum, h.schema), (Some(0.0), Some(0.0), 1.5, 3));
    assert_eq!((&*h.positive_counts, h.reset_hint, h.timestamp), (&[2.0, 1.0][..], 3, NOW_S * 1000));
    assert_eq!(results[1].series[0].samples.len(), 1, "both ends are inclusive");
    assert!(results[2].series.is_empty() && results[3].series.is_empty());
    assert_eq!(results[4].series.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let api = Api::start();
    let all = || vec![query(0, NOW_S, vec![matcher(0, "job", "edge")])];
    assert_eq!(read(&api, all(), &[]).await.unwrap().results[0].series.len(), 2);
    for (queries, accepted, wanted) in [
        (all(), vec![1], "server does not support any of the requested response types"),
        (vec![query(0, NOW_S, vec![matcher(2, "job", "(")])], vec![], "invalid matcher"),
        (
            vec![query(0, NOW_S, vec![matcher(2, "job", "a**")])],
            vec![],
            "invalid matcher: invalid nested repetition operator: `**`",
        ),
        (vec![query(0, NOW_S, vec![matcher(9, "job", "x")])], vec![], "invalid matcher type 9"),
        ((0..65).flat_map(|_| all()).collect(), vec![], "65 queries are more than 64"),
    ] {
        let refused = read(&api, queries, &accepted).await.unwrap_err();
        assert!(refused.starts_with("400") && refused.contains(wanted), "{refused}");
    }
    for body in
        [b"nonsense".to_vec(), snap::raw::Encoder::new().compress_vec(&[0xff; 9]).unwrap(), vec![0; 300_000]]
    {
        assert_eq!(posted(&api, body).await.0, StatusCode::BAD_REQUEST);
    }
    // A length that is only announced is not believed.
    let (status, _, body) = posted(&api, vec![0xff, 0xff, 0xff, 0x7f, 0]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(String::from_utf8(body).unwrap().contains("exceeds limit"));
}
