//! `/federate`.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use console_model::{
    Labels, clock,
    histogram::{BucketCount, CUSTOM_BUCKETS, Histogram},
    metric::{HistogramSample, Sample, stale_nan},
};
use console_storage::metrics::SeriesBatch;

use crate::harness::{Api, Told};

fn floats(pairs: &[(&str, &str)], samples: &[(i64, f64)]) -> SeriesBatch {
    let samples = samples.iter().map(|(t_ms, v)| Sample { t_ms: *t_ms, v: *v });
    SeriesBatch::floats(Labels::from_pairs(pairs.iter().copied()), samples.collect())
}

fn histogram(name: &str, t_ms: i64, h: Histogram) -> SeriesBatch {
    SeriesBatch {
        labels: Labels::from_pairs([("__name__", name), ("instance", "i")]),
        histograms: vec![HistogramSample { t_ms, h: Arc::new(h) }],
        ..SeriesBatch::default()
    }
}

async fn federated(api: &Api, query: &str, accept: &str) -> (StatusCode, String, String) {
    let request = Request::get(format!("/federate?{query}")).header("accept", accept).body(Body::empty());
    let (status, headers, body) = api.answer(request.unwrap()).await;
    let content_type = headers["content-type"].to_str().unwrap().to_owned();
    (status, content_type, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn the_newest_samples_are_shown_to_a_scraper() {
    let now = clock::now_ms();
    let (early, late, old) = (now - 60_000, now - 10_000, now - 400_000);
    let buckets = |indices: &[i32]| indices.iter().map(|i| BucketCount { index: *i, count: 2.0 }).collect();
    let custom = Histogram {
        schema: CUSTOM_BUCKETS,
        count: 4.0,
        sum: 3.5,
        positive: buckets(&[0, 2]),
        custom_values: [0.5, 1.0].into(),
        ..Histogram::default()
    };
    let exponential = Histogram { count: 2.0, sum: 1.0, positive: buckets(&[1]), ..Histogram::default() };
    let batch = [
        floats(
            &[("__name__", "up"), ("instance", "a"), ("job", "x\"\\\n")],
            &[(early, 0.0), (late, 1_000_000.0)],
        ),
        floats(&[("__name__", "up"), ("job", "y")], &[(late, f64::NEG_INFINITY)]),
        floats(&[("__name__", "up"), ("job", "ended")], &[(early, 1.0), (late, stale_nan())]),
        floats(&[("__name__", "up"), ("job", "old")], &[(old, 1.0)]),
        floats(&[("__name__", "http.requests"), ("http.status", "200")], &[(late, 0.25)]),
        histogram("latency", late, custom),
        histogram("native", late, exponential),
    ];
    let api = Api::over_at(now, &batch, &[], Told::default());
    let all = "match[]=up&match[]=%7B__name__!=%22%22%7D";
    let (status, content_type, text) = federated(&api, all, "text/plain;version=0.0.4").await;
    assert_eq!(
        (status, &*content_type),
        (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    );
    let wanted = format!(
        "# TYPE http_requests untyped\nhttp_requests{{http_status=\"200\",instance=\"\"}} 0.25 {late}\n\
         # TYPE latency histogram\n\
         latency_bucket{{instance=\"i\",le=\"0.5\"}} 2 {late}\n\
         latency_bucket{{instance=\"i\",le=\"1\"}} 2 {late}\n\
         latency_bucket{{instance=\"i\",le=\"+Inf\"}} 4 {late}\n\
         latency_sum{{instance=\"i\"}} 3.5 {late}\n\
         latency_count{{instance=\"i\"}} 4 {late}\n\
         # TYPE up untyped\n\
         up{{instance=\"a\",job=\"x\\\"\\\\\\n\"}} 1e+06 {late}\n\
         up{{job=\"y\",instance=\"\"}} -Inf {late}\n"
    );
    assert_eq!(text, wanted);
    let accept = "application/openmetrics-text;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5";
    let (_, content_type, text) = federated(&api, "match[]=%7B%22http.requests%22%7D", accept).await;
    assert!(content_type.ends_with("escaping=allow-utf-8"), "{content_type}");
    assert_eq!(
        text,
        format!(
            "# TYPE \"http.requests\" untyped\n{{\"http.requests\",\"http.status\"=\"200\",instance=\"\"}} 0.25 {late}\n"
        )
    );
}

#[tokio::test]
async fn nothing_is_shown_where_nothing_is_asked_for() {
    let api = Api::start();
    assert_eq!(federated(&api, "", "*/*").await.2, "");
    let (status, content_type, text) = federated(&api, "match[]=up%7B", "*/*").await;
    assert_eq!((status, &*content_type), (StatusCode::BAD_REQUEST, "text/plain; charset=utf-8"));
    assert!(text.starts_with("1:4: parse error"), "{text}");
}
