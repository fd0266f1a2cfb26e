//! `status/…`.

use axum::http::StatusCode;
use serde_json::json;

use crate::harness::{Api, NOW_S};

#[tokio::test]
async fn the_process_tells_of_itself() {
    let api = Api::start();
    let build = api.data("/status/buildinfo").await;
    assert!(build["version"].as_str().unwrap().starts_with("3."), "clients choose by it what they ask");
    assert_eq!((&build["revision"], &build["application"]), (&json!("9.9.9"), &json!("quarterdeck")));
    let runtime = api.data("/status/runtimeinfo").await;
    assert_eq!(runtime["startTime"], json!("2027-01-15T08:00:00Z"));
    assert_eq!((&runtime["storageRetention"], &runtime["reloadConfigSuccess"]), (&json!("1d"), &json!(true)));
    assert!(runtime["GOMAXPROCS"].as_u64().unwrap() > 0 && runtime["goroutineCount"].is_u64());
    assert_eq!(api.data("/status/flags").await, json!({"query.lookback-delta": "5m"}));
    assert_eq!(api.data("/status/config").await, json!({"yaml": "scrape_configs: []\n"}));
    assert_eq!(api.data("/status/walreplay").await, json!({"min": 0, "max": 0, "current": 0}));
}

#[tokio::test]
async fn a_wrong_limit_of_the_counts_is_refused() {
    let api = Api::fixed(None);
    for (limit, message) in [
        ("0", "limit must be a positive number"),
        ("x", "limit must be a positive number"),
        ("10001", "limit must not exceed 10000"),
    ] {
        let (status, answer) = api.get(&format!("/status/tsdb?limit={limit}")).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!(message)));
    }
    let empty = api.data("/status/tsdb").await;
    assert_eq!(
        (&empty["headStats"]["numSeries"], &empty["headStats"]["minTime"]),
        (&json!(0), &json!(i64::MAX))
    );
}

#[tokio::test]
async fn the_series_in_memory_are_counted_by_their_labels() {
    let counts = Api::start().data("/status/tsdb").await;
    let count = |name: &str, value: u64| json!({"name": name, "value": value});
    assert_eq!(
        counts["headStats"],
        json!({
            "numSeries": 4, "numLabelPairs": 8, "chunkCount": 4, "minTime": (NOW_S - 300) * 1000,
            "maxTime": NOW_S * 1000,
        })
    );
    assert_eq!(counts["seriesCountByMetricName"], json!([count("up", 3), count("http.requests_total", 1)]));
    assert_eq!(
        counts["labelValueCountByLabelName"],
        json!([count("instance", 3), count("__name__", 2), count("job", 2), count("http.status", 1)])
    );
    assert_eq!(counts["memoryInBytesByLabelName"][0], count("__name__", 25));
    let top = Api::start().data("/status/tsdb?limit=2").await;
    assert_eq!(top["seriesCountByLabelValuePair"], json!([count("__name__=up", 3), count("job=edge", 2)]));
}
