use console_model::{Labels, Matcher};
use console_storage::metrics::SeriesReader;
use serde_json::{Value, json};

use crate::harness::{Harness, now};

async fn send(harness: &Harness, metrics: Value) -> (u16, Value) {
    let resource = json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": "orders"}},
        {"key": "service.instance.id", "value": {"stringValue": "orders-1"}},
        {"key": "service.version", "value": {"stringValue": "1.0"}},
    ]});
    let body = json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]});
    let json = ("content-type", "application/json");
    let (status, body, _) = harness.post("/v1/metrics", &[json], body.to_string()).await;
    (status, serde_json::from_slice(&body).unwrap())
}

fn sum(value: f64, temporality: i32, t: u64) -> Value {
    let point = json!({"asDouble": value, "timeUnixNano": t.to_string()});
    json!([{"name": "orders.placed", "unit": "{order}", "description": "Placed.",
        "sum": {"aggregationTemporality": temporality, "isMonotonic": true, "dataPoints": [point]}}])
}

fn last(harness: &Harness, metric: &str) -> Vec<(Labels, f64)> {
    harness.series(metric).into_iter().map(|s| (s.labels.clone(), s.samples.last().unwrap().v)).collect()
}

#[tokio::test]
async fn a_counter_gets_its_name_labels_metadata_and_target_info() {
    let harness = Harness::start().await;
    let (status, _) = send(&harness, sum(3.0, 2, now())).await;
    assert_eq!(status, 200);
    let stored = last(&harness, "orders_placed_total");
    assert_eq!(stored[0].0.to_string(), r#"orders_placed_total{instance="orders-1", job="orders"}"#);
    assert_eq!(stored[0].1, 3.0);
    let info = last(&harness, "target_info")[0].0.to_string();
    assert_eq!(info, r#"target_info{instance="orders-1", job="orders", service_version="1.0"}"#);
    let metadata = harness.samples.metadata(Some("orders_placed_total"), 0).unwrap();
    assert_eq!((&*metadata[0].help, &*metadata[0].unit), ("Placed.", "{order}"));
}

#[tokio::test]
async fn delta_sums_add_up_and_a_repeated_one_is_refused() {
    let harness = Harness::start().await;
    let t = now();
    send(&harness, sum(3.0, 1, t - 2_000_000_000)).await;
    send(&harness, sum(4.0, 1, t)).await;
    assert_eq!(last(&harness, "orders_placed_total")[0].1, 7.0);
    // The repeated point is refused; target_info, which goes with it, is the same again.
    let (_, answer) = send(&harness, sum(4.0, 1, t)).await;
    assert!(answer.to_string().contains("is not after the last one"), "{answer}");
    assert_eq!(last(&harness, "orders_placed_total")[0].1, 7.0);
}

#[tokio::test]
async fn a_histogram_becomes_running_buckets() {
    let harness = Harness::start().await;
    let point = json!({"timeUnixNano": now().to_string(), "count": "6", "sum": 4.5,
        "bucketCounts": ["1", "2", "3"], "explicitBounds": [0.1, 1]});
    let histogram = json!({"aggregationTemporality": 2, "dataPoints": [point]});
    send(&harness, json!([{"name": "http.duration", "unit": "s", "histogram": histogram}])).await;
    let mut buckets: Vec<_> = last(&harness, "http_duration_seconds_bucket")
        .into_iter()
        .map(|(labels, v)| (labels.get("le").unwrap().to_owned(), v))
        .collect();
    buckets.sort_by(|a, b| a.1.total_cmp(&b.1));
    assert_eq!(buckets, [("0.1".to_owned(), 1.0), ("1".to_owned(), 3.0), ("+Inf".to_owned(), 6.0)]);
    assert_eq!(last(&harness, "http_duration_seconds_sum")[0].1, 4.5);
    assert_eq!(last(&harness, "http_duration_seconds_count")[0].1, 6.0);
}

#[tokio::test]
async fn exponential_histograms_become_native_ones_and_exemplars_are_kept() {
    let harness = Harness::start().await;
    let t = now().to_string();
    let exemplar = json!({"timeUnixNano": t, "asDouble": 0.3, "traceId": "5b8efff798038103d269b633813fc60c"});
    let native = json!({"aggregationTemporality": 2, "dataPoints": [{"timeUnixNano": t, "count": "6", "sum": 3.5,
        "scale": 1, "zeroCount": "1", "positive": {"offset": -3, "bucketCounts": ["2", "0", "3"]},
        "exemplars": [exemplar]}]});
    let classic = json!({"aggregationTemporality": 2, "dataPoints": [{"timeUnixNano": t, "count": "3", "sum": 1.0,
        "bucketCounts": ["1", "2", "0"], "explicitBounds": [0.1, 1], "exemplars": [exemplar]}]});
    let metrics = json!([
        {"name": "took", "unit": "s", "exponentialHistogram": native},
        {"name": "size", "histogram": classic},
    ]);
    send(&harness, metrics).await;
    let by_name = |name: &str| [Matcher::equal("__name__", name)];
    let found = harness.samples.select_points(&by_name("took_seconds"), 0, i64::MAX, 10).unwrap();
    let h = &found[0].histograms[0].h;
    let buckets: Vec<(i32, f64)> = h.positive.iter().map(|b| (b.index, b.count)).collect();
    assert_eq!((h.count, h.sum, h.schema, buckets), (6.0, 3.5, 1, vec![(-2, 2.0), (0, 3.0)]));
    for (name, le) in [("took_seconds", None), ("size_bucket", Some("1"))] {
        let kept = harness.samples.exemplars(&[by_name(name).to_vec()], 0, i64::MAX).unwrap();
        assert_eq!((kept.len(), kept[0].labels.get("le")), (1, le), "{kept:?}");
        let exemplar = &kept[0].exemplars[0];
        assert_eq!(exemplar.labels.get("trace_id"), Some("5b8efff798038103d269b633813fc60c"));
        assert_eq!(exemplar.value, 0.3);
    }
}

#[tokio::test]
async fn delta_exponential_histograms_add_up() {
    let harness = Harness::start().await;
    let t = now();
    let point = |t: u64, scale: i32, counts: [&str; 2]| {
        json!([{"name": "took", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [{
            "timeUnixNano": t.to_string(), "count": "4", "sum": 2.5, "scale": scale, "zeroCount": "1",
            "positive": {"offset": 0, "bucketCounts": counts}}]}}])
    };
    assert_eq!(send(&harness, point(t - 2_000_000_000, 0, ["1", "2"])).await.0, 200);
    send(&harness, point(t, 1, ["3", "0"])).await;
    // It came already.
    let (_, answer) = send(&harness, point(t, 1, ["3", "0"])).await;
    assert!(answer.to_string().contains("is not after the last one"), "{answer}");
    let by_name = [Matcher::equal("__name__", "took")];
    let found = harness.samples.select_points(&by_name, 0, i64::MAX, 10).unwrap();
    let all: Vec<_> = found[0].histograms.iter().map(|s| (s.h.count, s.h.sum, s.h.schema)).collect();
    assert_eq!(all, [(4.0, 2.5, 0), (8.0, 5.0, 0)]);
    let buckets: Vec<_> = found[0].histograms[1].h.positive.iter().map(|b| (b.index, b.count)).collect();
    assert_eq!((found[0].histograms[1].h.zero_count, buckets), (2.0, vec![(1, 4.0), (2, 2.0)]));
}

#[tokio::test]
async fn what_is_wrong_with_a_point_is_said_and_the_rest_stored() {
    let harness = Harness::start().await;
    let t = now().to_string();
    let metrics = json!([
        {"name": "good", "gauge": {"dataPoints": [{"asInt": "7", "timeUnixNano": t}]}},
        {"name": "timeless", "gauge": {"dataPoints": [{"asInt": "7"}]}},
        {"name": "uneven", "histogram": {"aggregationTemporality": 2, "dataPoints": [
            {"timeUnixNano": t, "count": "3", "bucketCounts": ["3"], "explicitBounds": [1.0]}]}},
        {"name": "neither", "sum": {"dataPoints": [{"asInt": "7", "timeUnixNano": t}]}},
        {"name": "native", "exponentialHistogram": {"aggregationTemporality": 0, "dataPoints": [
            {"timeUnixNano": t, "count": "0", "scale": 0, "zeroCount": "0"}]}},
    ]);
    let (status, answer) = send(&harness, metrics).await;
    assert_eq!(status, 200);
    let partial = answer["partialSuccess"].to_string();
    assert!(partial.contains(r#"metric \"timeless\": timeUnixNano is missing"#), "{partial}");
    assert_eq!(answer["partialSuccess"]["rejectedDataPoints"].to_string().trim_matches('"'), "4");
    assert_eq!(last(&harness, "good")[0].1, 7.0);
    for (reason, count) in [("invalid_timestamp", 1), ("invalid_histogram", 1), ("invalid_temporality", 2)] {
        let counted = harness.counter("quarterdeck_ingest_rejected_total", &["otlp_http", reason]);
        assert_eq!(counted, count, "{reason}");
    }
}
