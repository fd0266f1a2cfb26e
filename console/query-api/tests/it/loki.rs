//! Loki's API over a store in a folder of its own.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header::CONTENT_TYPE},
};
use console_logql::{LogqlConfig, LogqlSource};
use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels,
    log::{LogEntry, LogStream},
};
use console_query_api::{Limits, loki::router};
use console_storage::logs::{LogAppender, LogReader};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

const NOW_S: i64 = 1_700_000_000;

struct Bench {
    router: Router,
    _dir: TempDir,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let config =
        LogStoreConfig { clock: Arc::new(|| (NOW_S + 60) * 1000), ..LogStoreConfig::new(dir.path()) };
    let store = Arc::new(LogStore::open(config).unwrap());
    for (labels, lines) in [
        (
            [("app", "shop"), ("level", "info"), ("shard", "1")],
            vec![
                r#"{"took":"5ms","user":{"id":7}}"#,
                r#"{"took":"9ms","user":{"id":8}}"#,
                "order 1 placed",
                "order 2 placed",
            ],
        ),
        ([("app", "edge"), ("level", "warn"), ("shard", "2")], vec!["took=3ms path=/cart"]),
    ] {
        let entry = |(i, line): (usize, &str)| LogEntry {
            t_ns: (NOW_S + 10 * i as i64) * 1_000_000_000,
            line: line.to_owned(),
            metadata: Vec::new(),
        };
        let entries = lines.into_iter().enumerate().map(entry).collect();
        store.append(vec![LogStream { labels: Labels::from_pairs(labels), entries }]).unwrap();
    }
    let reader: Arc<dyn LogReader> = store;
    let source = Arc::new(LogqlSource::new(reader, LogqlConfig::default()));
    Bench { router: router(source, Limits { max_query_bytes: 200, ..Limits::default() }), _dir: dir }
}

impl Bench {
    async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// With the range of all lines.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> (StatusCode, String) {
        let (start, end) = (NOW_S.to_string(), (NOW_S + 60).to_string());
        let range = [("start", start.as_str()), ("end", end.as_str())];
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(range)
            .extend_pairs(query)
            .finish();
        self.send(Request::get(format!("/loki/api/v1/{path}?{query}")).body(Body::empty()).unwrap()).await
    }

    async fn json(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let (status, body) = self.get(path, query).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

#[tokio::test]
async fn index_routes_tell_streams_entries_and_bytes() {
    let bench = bench();
    let all = ("query", r#"{app=~".+"}"#);
    let stats = bench.json("index/stats", &[all]).await;
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(2), &json!(5)));
    assert_eq!(stats["bytes"], json!(30 + 30 + 14 + 14 + 19));
    let volume = bench.json("index/volume", &[all]).await;
    assert_eq!(volume["data"]["resultType"], "vector");
    let rows = volume["data"]["result"].as_array().unwrap();
    assert_eq!((&rows[0]["metric"], &rows[0]["value"][1]), (&json!({"app": "shop"}), &json!("88")));
    let by_level = bench.json("index/volume", &[all, ("targetLabels", "level"), ("limit", "1")]).await;
    assert_eq!(
        by_level["data"]["result"],
        json!([{"metric": {"level": "info"}, "value": [NOW_S + 60, "88"]}])
    );
    let labels = bench.json("index/volume", &[all, ("aggregateBy", "labels")]).await;
    let names: Vec<&Value> =
        labels["data"]["result"].as_array().unwrap().iter().map(|r| &r["metric"]).collect();
    assert_eq!(names, [&json!({"app": ""}), &json!({"level": ""}), &json!({"shard": ""})]);
    let ranged = bench.json("index/volume_range", &[all, ("step", "20s")]).await;
    let first = &ranged["data"]["result"][0];
    assert_eq!(first["values"], json!([[NOW_S + 20, "60"], [NOW_S + 40, "28"]]));
    for (path, query, words) in [
        ("index/volume", [all, ("aggregateBy", "moons")], "must be series or labels"),
        ("index/volume", [all, ("limit", "x")], "limit must be a positive number"),
        ("index/volume_range", [all, ("step", "-1")], "zero or negative"),
    ] {
        let (status, body) = bench.get(path, &query).await;
        assert!(status == StatusCode::BAD_REQUEST && body.contains(words), "{path}: {body}");
    }
    let (status, body) = bench.get("index/stats", &[("query", r#"{app="shop"} |= "x""#)]).await;
    assert!(status == StatusCode::BAD_REQUEST && body.contains("selector without stages"), "{body}");
}

#[tokio::test]
async fn the_explorer_s_routes_tell_labels_fields_and_patterns() {
    let bench = bench();
    let labels = bench.json("detected_labels", &[("query", r#"{app=~".+"}"#)]).await;
    // A label whose values are all numbers is no use to anybody.
    assert_eq!(
        labels["detectedLabels"],
        json!([{"label": "app", "cardinality": 2}, {"label": "level", "cardinality": 2}])
    );
    let shop = ("query", r#"{app="shop"}"#);
    let fields = bench.json("detected_fields", &[shop, ("limit", "10")]).await;
    assert_eq!(
        fields,
        json!({"fields": [
            {"label": "took", "type": "duration", "cardinality": 2, "parsers": ["json"]},
            {"label": "user_id", "type": "int", "cardinality": 2, "parsers": ["json"]},
        ], "limit": 10})
    );
    let values = bench.json("detected_field/user_id/values", &[shop]).await;
    assert_eq!(values["values"], json!(["7", "8"]));
    let patterns = bench.json("patterns", &[shop, ("step", "60s")]).await;
    let rows = patterns["data"].as_array().unwrap();
    assert!(rows.iter().any(|r| r["pattern"] == "order <_> placed" && r["samples"][0][1] == 2), "{rows:?}");
}

#[tokio::test]
async fn labels_values_and_series_are_those_of_a_selector() {
    let bench = bench();
    let edge = ("query", r#"{app="edge"}"#);
    assert_eq!(bench.json("label/level/values", &[edge]).await["data"], json!(["warn"]));
    assert_eq!(bench.json("label/level/values", &[]).await["data"], json!(["info", "warn"]));
    assert_eq!(bench.json("label/level/values", &[("query", "{}")]).await["data"], json!(["info", "warn"]));
    assert_eq!(bench.json("labels", &[edge]).await["data"], json!(["app", "level", "shard"]));
    assert_eq!(bench.json("series", &[edge]).await["data"].as_array().unwrap().len(), 1);
    let (status, _) = bench.get("labels", &[("query", "{app=")]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn queries_are_formatted_by_get_and_post() {
    let bench = bench();
    let wanted = json!({"status": "success", "data": r#"{app="x"} |= "y" | json"#});
    assert_eq!(bench.json("format_query", &[("query", "{app = \"x\"}|=\"y\"|json")]).await, wanted);
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("query", "{app = \"x\"}|=\"y\"|json")
        .finish();
    let post = Request::builder()
        .method(Method::POST)
        .uri("/loki/api/v1/format_query")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form));
    let (status, body) = bench.send(post.unwrap()).await;
    assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()), (StatusCode::OK, wanted));
    let (status, body) = bench.get("format_query", &[("query", "{app=")]).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["status"]), (StatusCode::BAD_REQUEST, &json!("invalid-query")));
    assert!(body["error"].as_str().unwrap().contains("parse error"), "{body}");
}

#[tokio::test]
async fn an_answer_carries_what_grafana_shows_of_its_cost_and_keeps_to_interval_and_limits() {
    let bench = bench();
    let query = ("query", r#"{app="shop"}"#);
    let answer = bench.json("query_range", &[query, ("interval", "20s"), ("direction", "forward")]).await;
    assert_eq!(answer["data"]["result"][0]["values"].as_array().unwrap().len(), 2);
    let summary = &answer["data"]["stats"]["summary"];
    assert_eq!((&summary["totalEntriesReturned"], &summary["totalLinesProcessed"]), (&json!(2), &json!(4)));
    assert!(summary["bytesProcessedPerSecond"].is_u64() && summary["queueTime"].is_number(), "{summary}");
    let long = format!(r#"{{app="{}"}}"#, "x".repeat(300));
    for path in
        ["query_range", "query", "index/stats", "patterns", "detected_fields", "format_query", "labels"]
    {
        let (status, body) = bench.get(path, &[("query", &long)]).await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::BAD_REQUEST, "query is longer than 200 bytes\n"),
            "{path}"
        );
    }
    let (status, body) = bench.get("query_range", &[query, ("limit", "100000")]).await;
    assert!(status == StatusCode::BAD_REQUEST && body.contains("max entries limit"), "{body}");
    let (status, body) = bench.get("query_range", &[query, ("interval", "-5s")]).await;
    assert!(status == StatusCode::BAD_REQUEST && body.contains("interval"), "{body}");
}

#[tokio::test]
async fn a_client_that_asks_gets_labels_by_where_they_come_from() {
    let bench = bench();
    let query = url::form_urlencoded::byte_serialize(br#"{app="edge"} | logfmt"#).collect::<String>();
    let uri = format!("/loki/api/v1/query_range?query={query}&start={NOW_S}&end={}", NOW_S + 60);
    let request = Request::get(&uri).header("X-Loki-Response-Encoding-Flags", "categorize-labels");
    let (_, body) = bench.send(request.body(Body::empty()).unwrap()).await;
    let data = serde_json::from_str::<Value>(&body).unwrap()["data"].clone();
    assert_eq!(data["encodingFlags"], json!(["categorize-labels"]));
    let stream = &data["result"][0];
    assert_eq!(stream["stream"], json!({"app": "edge", "level": "warn", "shard": "2"}));
    assert_eq!(stream["values"][0][2], json!({"parsed": {"took": "3ms", "path": "/cart"}}));
    let (_, body) = bench.send(Request::get(&uri).body(Body::empty()).unwrap()).await;
    let plain = serde_json::from_str::<Value>(&body).unwrap()["data"].clone();
    assert_eq!(plain["result"][0]["stream"]["took"], "3ms");
    assert!(plain["encodingFlags"].is_null());
}
