//! Searches over a store of lines: what is found is compared with what was written.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use console_logql::{LogqlConfig, LogqlSource};
use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels,
    clock::now_ms,
    log::{LogEntry, LogStream},
};
use console_query_api::{Limits, elasticsearch};
use console_storage::logs::LogAppender;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

const LINES: i64 = 12;
const MINUTE: i64 = 60_000;

struct Api {
    router: Router,
    /// The first line's time: a whole hour, milliseconds.
    start: i64,
    _dir: tempfile::TempDir,
}

/// A line a minute of two services; every third is an error, with a duration as text in every sixth.
fn api() -> Api {
    let dir = tempfile::tempdir().unwrap();
    let store = LogStore::open(LogStoreConfig::new(dir.path())).unwrap();
    let start = (now_ms() - 2 * 3_600_000).div_euclid(3_600_000) * 3_600_000;
    let streams = (0..LINES).map(|i| {
        let level = if i % 3 == 0 { "error" } else { "info" };
        let (service, index) = if i % 2 == 0 { ("cart", "shop-cart") } else { ("orders", "") };
        let labels = Labels::from_pairs([("service_name", service), ("level", level), ("index", index)]);
        let line = if i % 3 == 0 {
            format!("Payment DECLINED, order {i}")
        } else {
            format!("payment accepted order {i}")
        };
        let duration = if i % 6 == 0 { "slow".to_owned() } else { (i * 10).to_string() };
        let metadata =
            vec![("duration".to_owned(), duration), ("trace_id".to_owned(), format!("t{}", i / 4))];
        let entry = LogEntry { t_ns: (start + i * MINUTE) * 1_000_000, line, metadata };
        LogStream { labels, entries: vec![entry] }
    });
    let (outcome, error) = store.append(streams.collect()).unwrap();
    assert_eq!((outcome.accepted, error), (LINES as u64, None));
    let source = LogqlSource::new(Arc::new(store), LogqlConfig::default());
    let limits = Limits { max_limit: 100, ..Limits::default() };
    Api { router: elasticsearch::router(Arc::new(source), limits), start, _dir: dir }
}

impl Api {
    async fn ask(&self, path: &str, body: impl Into<Body>) -> (StatusCode, String) {
        let request = Request::post(format!("/elasticsearch{path}")).body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["x-elastic-product"], "Elasticsearch", "{path}");
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(&self, path: &str) -> String {
        let request = Request::get(format!("/elasticsearch{path}")).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn search(&self, body: Value) -> Value {
        let (status, text) = self.ask("/_search", body.to_string()).await;
        assert_eq!(status, 200, "{body}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Which lines a query finds, by their numbers, in order of time.
    async fn found(&self, query: Value) -> Vec<i64> {
        let body = json!({"query": query, "size": 50, "sort": [{"@timestamp": "asc"}]});
        let answer = self.search(body.clone()).await;
        let hits = answer["hits"]["hits"].as_array().unwrap();
        let numbers: Vec<i64> = hits.iter().map(|hit| self.number(hit)).collect();
        assert_eq!(answer["hits"]["total"]["value"], numbers.len() as u64, "{query}");
        numbers
    }

    fn number(&self, hit: &Value) -> i64 {
        (hit["sort"][0].as_i64().unwrap() - self.start) / MINUTE
    }
}

fn every(wanted: impl Fn(i64) -> bool) -> Vec<i64> {
    (0..LINES).filter(|i| wanted(*i)).collect()
}

#[tokio::test]
async fn each_query_finds_its_lines_and_no_others() {
    let api = api();
    let is_error = |i: i64| i % 3 == 0;
    let at = |i: i64| api.start + i * MINUTE;
    let cases: Vec<(Value, Vec<i64>)> = vec![
        (json!({"match_all": {}}), every(|_| true)),
        (json!({"match_none": {}}), Vec::new()),
        (json!({"term": {"log.level": "error"}}), every(is_error)),
        (json!({"term": {"service.name.keyword": {"value": "cart"}}}), every(|i| i % 2 == 0)),
        (json!({"terms": {"trace.id": ["t0", "t2"]}}), every(|i| i / 4 != 1)),
        (json!({"match": {"message": "declined refused"}}), every(is_error)),
        (
            json!({"match": {"message": {"query": "payment accepted", "operator": "and"}}}),
            every(|i| !is_error(i)),
        ),
        (json!({"match": {"message": "pay"}}), Vec::new()),
        (json!({"match_phrase": {"message": "declined order"}}), every(is_error)),
        (json!({"match_phrase": {"message": "order declined"}}), Vec::new()),
        (json!({"prefix": {"message": "decl"}}), every(is_error)),
        (json!({"wildcard": {"trace.id": "t?"}}), every(|_| true)),
        (json!({"wildcard": {"service.name": "*ar*"}}), every(|i| i % 2 == 0)),
        (json!({"exists": {"field": "trace.id"}}), every(|_| true)),
        (json!({"exists": {"field": "nothing"}}), Vec::new()),
        (json!({"term": {"_index": "shop-cart"}}), every(|i| i % 2 == 0)),
        (
            json!({"range": {"duration": {"gte": 50, "lt": 100}}}),
            every(|i| i % 6 != 0 && (5..10).contains(&i)),
        ),
        (json!({"bool": {"must_not": {"range": {"duration": {"gte": 50}}}}}), every(|i| i % 6 == 0 || i < 5)),
        (json!({"range": {"@timestamp": {"gte": at(2), "lte": at(4)}}}), vec![2, 3, 4]),
        (json!({"range": {"@timestamp": {"gt": at(2), "lt": at(4)}}}), vec![3]),
        (
            json!({"bool": {
                "filter": [{"range": {"@timestamp": {"gte": at(1), "format": "epoch_millis"}}}, {"term": {"service.name": "orders"}}],
                "must_not": [{"match": {"message": "declined"}}],
            }}),
            every(|i| i > 0 && i % 2 == 1 && !is_error(i)),
        ),
        // A line beside a label.
        (
            json!({"bool": {"should": [{"match": {"message": "declined"}}, {"term": {"service.name": "cart"}}]}}),
            every(|i| is_error(i) || i % 2 == 0),
        ),
        (
            json!({"bool": {"must_not": {"bool": {"must": [{"match": {"message": "declined"}}, {"term": {"service.name": "cart"}}]}}}}),
            every(|i| !(is_error(i) && i % 2 == 0)),
        ),
        (
            json!({"bool": {"should": [{"range": {"duration": {"lt": 20}}}, {"term": {"service.name": "cart"}}]}}),
            every(|i| i % 2 == 0 || i == 1),
        ),
        (json!({"query_string": {"query": "declined AND service.name:cart"}}), every(|i| i % 6 == 0)),
        (json!({"query_string": {"query": "declined OR duration:>=100"}}), every(|i| is_error(i) || i >= 10)),
        (json!({"query_string": {"query": "-declined payment"}}), every(|i| !is_error(i))),
        (json!({"query_string": {"query": "*", "analyze_wildcard": true}}), every(|_| true)),
        (
            json!({"query_string": {"query": "trace.id:(t0 OR t1) AND level:error"}}),
            every(|i| i < 8 && is_error(i)),
        ),
    ];
    for (query, want) in cases {
        assert_eq!(api.found(query.clone()).await, want, "{query}");
    }
}

#[tokio::test]
async fn hits_are_ordered_paged_and_shown_as_documents() {
    let api = api();
    let newest = api.search(json!({"size": 2})).await;
    let hits = newest["hits"]["hits"].as_array().unwrap();
    assert_eq!((api.number(&hits[0]), api.number(&hits[1])), (11, 10));
    assert_eq!((&newest["hits"]["total"]["value"], &newest["timed_out"]), (&json!(12), &json!(false)));
    let hit = &hits[1];
    let source = &hit["_source"];
    assert_eq!((&hit["_index"], &hits[0]["_index"]), (&json!("shop-cart"), &json!("logs")));
    assert_eq!(source["message"], "payment accepted order 10");
    assert_eq!((&source["service"]["name"], &source["log"]["level"]), (&json!("cart"), &json!("info")));
    assert_eq!((&source["trace"]["id"], &source["duration"]), (&json!("t2"), &json!("100")));
    assert!(source["@timestamp"].as_str().unwrap().ends_with(":10:00.000Z"), "{source}");
    for order in ["asc", "desc"] {
        let mut seen = Vec::new();
        let mut after = Value::Null;
        loop {
            let mut body = json!({"size": 5, "sort": [{"@timestamp": {"order": order}}, {"_doc": "desc"}], "track_total_hits": false});
            if !after.is_null() {
                body["search_after"] = after;
            }
            let page = api.search(body).await;
            assert!(page["hits"].get("total").is_none());
            let hits = page["hits"]["hits"].as_array().unwrap();
            let Some(last) = hits.last() else { break };
            after = last["sort"].clone();
            seen.extend(hits.iter().map(|hit| api.number(hit)));
        }
        if order == "desc" {
            seen.reverse();
        }
        assert_eq!(seen, every(|_| true), "{order}");
    }
    let second: Value =
        serde_json::from_str(&api.get("/_search?q=declined&size=1&from=1&sort=@timestamp:asc").await)
            .unwrap();
    assert_eq!(api.number(&second["hits"]["hits"][0]), 3);
}

/// Pages of a size that cuts through lines of one time, and has to give each of them once.
#[tokio::test]
async fn lines_of_one_time_are_paged_without_loss() {
    let dir = tempfile::tempdir().unwrap();
    let store = LogStore::open(LogStoreConfig::new(dir.path())).unwrap();
    let t_ns = (now_ms() - 60_000) * 1_000_000;
    let streams = (0..20).map(|i| {
        // In another order than that of labels.
        let labels = Labels::from_pairs([("service_name", "s"), ("n", &*(i * 7 % 20).to_string())]);
        let entry =
            LogEntry { t_ns: t_ns + i64::from(i / 15), line: format!("line {i}"), metadata: Vec::new() };
        LogStream { labels, entries: vec![entry] }
    });
    store.append(streams.collect()).unwrap();
    let source = LogqlSource::new(Arc::new(store), LogqlConfig::default());
    let router = elasticsearch::router(Arc::new(source), Limits { max_limit: 100, ..Limits::default() });
    let api = Api { router, start: 0, _dir: dir };
    for order in ["asc", "desc"] {
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let mut body = json!({"size": 3, "sort": [{"@timestamp": order}]});
            if !after.is_null() {
                body["search_after"] = after;
            }
            let page = api.search(body).await;
            let hits = page["hits"]["hits"].as_array().unwrap();
            let Some(last) = hits.last() else { break };
            after = last["sort"].clone();
            seen.extend(hits.iter().map(|hit| hit["_source"]["message"].as_str().unwrap().to_owned()));
        }
        seen.sort();
        let mut want: Vec<_> = (0..20).map(|i| format!("line {i}")).collect();
        want.sort();
        assert_eq!(seen, want, "{order}");
    }
}

#[tokio::test]
async fn aggregations_count_exactly_what_is_in_the_range() {
    let api = api();
    let at = |i: i64| api.start + i * MINUTE;
    let answer = api
        .search(json!({
            "size": 0,
            "query": {"range": {"@timestamp": {"gte": at(1), "lte": at(10)}}},
            "aggs": {
                "time": {"date_histogram": {"field": "@timestamp", "fixed_interval": "4m"}},
                "some": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1m", "min_doc_count": 1}},
                "more": {"date_histogram": {"field": "@timestamp", "fixed_interval": "4m",
                    "extended_bounds": {"min": at(0), "max": at(16)}}},
                "levels": {"terms": {"field": "log.level", "size": 1}},
                "traces": {"terms": {"field": "trace.id", "order": {"_key": "asc"}}},
                "volume": {"terms": {"field": "log.level"},
                    "aggs": {"time": {"date_histogram": {"field": "@timestamp", "fixed_interval": "4m"}}}},
                "over_time": {"date_histogram": {"field": "@timestamp", "fixed_interval": "4m"},
                    "aggs": {"levels": {"terms": {"field": "log.level"}}}},
            },
        }))
        .await;
    let told = &answer["aggregations"];
    let counts_of = |told: &Value| -> Vec<(i64, u64)> {
        let buckets = told["buckets"].as_array().unwrap();
        let of =
            |b: &Value| ((b["key"].as_i64().unwrap() - api.start) / MINUTE, b["doc_count"].as_u64().unwrap());
        buckets.iter().map(of).collect()
    };
    let counts = |name: &str| counts_of(&told[name]);
    let volume = told["volume"]["buckets"].as_array().unwrap();
    assert_eq!((&volume[0]["key"], &volume[0]["doc_count"]), (&json!("info"), &json!(7)));
    assert_eq!(counts_of(&volume[0]["time"]), [(0, 2), (4, 3), (8, 2)]);
    assert_eq!(counts_of(&volume[1]["time"]), [(0, 1), (4, 1), (8, 1)]);
    let middle = &told["over_time"]["buckets"][1];
    assert_eq!(middle["doc_count"], 4);
    let levels = json!([{"key": "info", "doc_count": 3}, {"key": "error", "doc_count": 1}]);
    assert_eq!(middle["levels"]["buckets"], levels);
    assert_eq!(counts("time"), [(0, 3), (4, 4), (8, 3)]);
    assert_eq!(counts("some"), (1..=10).map(|i| (i, 1)).collect::<Vec<_>>());
    assert_eq!(counts("more"), [(0, 3), (4, 4), (8, 3), (12, 0), (16, 0)]);
    assert_eq!(told["levels"]["buckets"], json!([{"key": "info", "doc_count": 7}]));
    assert_eq!(told["levels"]["sum_other_doc_count"], 3);
    let traces =
        json!([{"key": "t0", "doc_count": 3}, {"key": "t1", "doc_count": 4}, {"key": "t2", "doc_count": 3}]);
    assert_eq!(told["traces"]["buckets"], traces);
    assert_eq!(answer["hits"]["hits"], json!([]));
}

#[tokio::test]
async fn what_viewers_ask_besides_is_answered() {
    let api = api();
    let json_of = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    assert_eq!(json_of(api.get("/_count?q=level:error").await)["count"], 4);
    assert_eq!(json_of(api.get("/shop-*/_count").await)["count"], 6);
    assert_eq!(json_of(api.get("/logs*/_count").await)["count"], 6);
    assert_eq!(json_of(api.get("/logs,shop-cart/_count").await)["count"], 12);
    let fields = json_of(api.get("/shop-cart/_field_caps?fields=*").await);
    assert_eq!(fields["fields"]["@timestamp"]["date"]["aggregatable"], true);
    assert_eq!(fields["fields"]["message"]["text"]["aggregatable"], false);
    for name in ["log.level", "service.name", "duration", "trace.id"] {
        assert_eq!(fields["fields"][name]["keyword"]["type"], "keyword", "{name}: {fields}");
    }
    let mapping = json_of(api.get("/shop-cart/_mapping").await);
    let properties = &mapping["shop-cart"]["mappings"]["properties"];
    assert_eq!(properties["service"]["properties"]["name"]["type"], "keyword");
    assert_eq!(properties["@timestamp"]["type"], "date");
    let rows = json_of(api.get("/_cat/indices?format=json").await);
    let rows: Vec<_> =
        rows.as_array().unwrap().iter().map(|r| (r["index"].clone(), r["docs.count"].clone())).collect();
    assert_eq!(rows, [("logs", "6"), ("shop-cart", "6")].map(|(i, n)| (json!(i), json!(n))));
    assert_eq!(api.get("/_cat/indices/shop-*?v").await.lines().last(), Some("green open shop-cart 1 0 6 0"));
    let lines = [
        json!({"index": "shop-cart"}),
        json!({"size": 1, "query": {"query_string": {"query": "declined"}}}),
        json!({}),
        json!({"query": {"fuzzy": {"a": "b"}}}),
    ];
    let (status, text) = api.ask("/_msearch", lines.map(|l| format!("{l}\n")).concat()).await;
    let answers = json_of(text);
    assert_eq!((status, &answers["responses"][0]["hits"]["total"]["value"]), (StatusCode::OK, &json!(2)));
    assert_eq!(answers["responses"][0]["status"], 200);
    assert_eq!(
        (&answers["responses"][1]["status"], &answers["responses"][1]["error"]["type"]),
        (&json!(400), &json!("parsing_exception"))
    );
}

#[tokio::test]
async fn what_is_not_supported_is_refused_by_name() {
    let api = api();
    let cases = [
        (json!({"suggest": {}}).to_string(), "search does not support [suggest]"),
        (json!({"query": {"more_like_this": {}}}).to_string(), "query [more_like_this] is not supported"),
        (json!({"sort": ["duration"]}).to_string(), "by [@timestamp] only, not by [duration]"),
        (json!({"size": 101}).to_string(), "from + size must be less than or equal to: [100] but was [101]"),
        (
            json!({"aggs": {"a": {"percentiles": {"field": "duration"}}}}).to_string(),
            "[percentiles] is not supported",
        ),
        (json!({"search_after": ["x", "y"]}).to_string(), "[search_after] has to be the [sort] of a hit"),
        (
            json!({"query": {"range": {"@timestamp": {"gte": "now-400d"}}}}).to_string(),
            "longer than 768 hours",
        ),
        (json!({"query": {"regexp": {"a": "b"}}}).to_string(), "query [regexp] is not supported"),
        ("{".to_owned(), "request body is no valid JSON"),
        ("[".repeat(5000), "request body is no valid JSON"),
        (" ".repeat(300 << 10), "longer than 262144 bytes"),
    ];
    for (body, want) in cases {
        let (status, text) = api.ask("/_search", body).await;
        let told: Value = serde_json::from_str(&text).unwrap();
        let reason = told["error"]["reason"].as_str().unwrap();
        assert!(status == 400 && reason.contains(want), "{want}: {status} {reason}");
        assert_eq!(
            (&told["status"], &told["error"]["root_cause"][0]["reason"]),
            (&json!(400), &told["error"]["reason"])
        );
    }
}
