//! The Tempo and Jaeger APIs over the real engine and a store of two traces.

use std::{ops::ControlFlow, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use console_model::{
    TimeRange, clock,
    span::{AttributeValue as V, Span, SpanEvent, SpanId, SpanKind, SpanStatus, Trace, TraceId},
};
use console_query_api::{Limits, jaeger, tempo};
use console_storage::{
    StorageError,
    traces::{AttributeScope, SpanReader},
};
use console_traceql::{TraceqlConfig, TraceqlSource};
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use serde_json::{Value, json};
use tower::ServiceExt;

struct Store(Vec<Trace>);

impl SpanReader for Store {
    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StorageError> {
        Ok(self.0.iter().find(|t| t.trace_id == id).cloned())
    }

    fn scan(
        &self,
        range: TimeRange,
        _: Option<&str>,
        visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let inside = |s: &Span| s.start_ns >= range.start_ns() && s.start_ns < range.end_ns();
        for trace in self.0.iter().filter(|t| t.spans.iter().any(inside)) {
            if visit(trace).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn tag_names(&self, _: TimeRange) -> Result<Vec<(AttributeScope, String)>, StorageError> {
        Ok(vec![(AttributeScope::Span, "http.status".into()), (AttributeScope::Intrinsic, "name".into())])
    }

    fn tag_values(
        &self,
        scope: Option<AttributeScope>,
        name: &str,
        _: TimeRange,
        _: usize,
    ) -> Result<Vec<String>, StorageError> {
        let is_service = scope == Some(AttributeScope::Resource) && name == "service.name";
        Ok(if is_service { vec!["orders".into(), "storefront".into()] } else { vec![] })
    }
}

fn span(trace: u8, id: u8, parent: u8, service: &str, name: &str, start_ns: i64) -> Span {
    Span {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId([id; 8]),
        parent_span_id: (parent > 0).then_some(SpanId([parent; 8])),
        service: service.into(),
        name: name.into(),
        kind: if parent > 0 { SpanKind::Client } else { SpanKind::Server },
        start_ns,
        duration_ns: 5_000_000 * i64::from(id),
        status: SpanStatus::Unset,
        status_message: String::new(),
        attributes: vec![("http.status".into(), V::Int(200))],
        resource: vec![("service.name".into(), V::String(service.into()))],
        scope_name: "http".into(),
        scope_version: "1".into(),
        scope_attributes: vec![("lang".into(), V::String("rust".into()))],
        events: vec![],
        links: vec![],
    }
}

/// Nanoseconds: ten seconds ago.
fn then() -> i64 {
    (clock::now_ms() - 10_000) * 1_000_000
}

fn api() -> Router {
    let then = then();
    let mut failed = span(1, 2, 1, "orders", "INSERT orders", then + 1_000_000);
    failed.status = SpanStatus::Error;
    failed.attributes =
        vec![("http.status".into(), V::Int(502)), ("db".into(), V::String("Postgres main".into()))];
    failed.events = vec![SpanEvent {
        t_ns: then + 2_000_000,
        name: "exception".into(),
        attributes: vec![("reason".into(), V::String("lock".into()))],
    }];
    let traces = vec![
        Trace { trace_id: TraceId([2; 16]), spans: vec![span(2, 1, 0, "storefront", "GET /", then)] },
        Trace {
            trace_id: TraceId([1; 16]),
            spans: vec![span(1, 1, 0, "storefront", "POST /checkout", then), failed],
        },
    ];
    let source = Arc::new(TraceqlSource::new(Arc::new(Store(traces)), TraceqlConfig::default()));
    let limits = Limits::default();
    tempo::router(source.clone(), limits).merge(jaeger::router(source, limits))
}

async fn asked(address: &str, accept: &str) -> (StatusCode, String, Vec<u8>) {
    let request = Request::builder().uri(address).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
    let response = api().oneshot(request).await.unwrap();
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(|v| v.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
    (status, kind.unwrap_or_default(), body)
}

async fn get(address: &str) -> Value {
    let (status, _, body) = asked(address, "*/*").await;
    assert_eq!(status, 200, "{address}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

async fn refused(address: &str) -> String {
    let (status, _, body) = asked(address, "*/*").await;
    assert_eq!(status, 400, "{address}");
    String::from_utf8(body).unwrap()
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn ids(found: &Value) -> Vec<&str> {
    found["traces"].as_array().unwrap().iter().map(|t| &t["traceID"].as_str().unwrap()[..2]).collect()
}

#[tokio::test]
async fn grafana_opens_a_trace_in_protobuf() {
    let id = TraceId([1; 16]).to_string();
    let (status, kind, body) = asked(&format!("/api/traces/{id}"), "application/protobuf").await;
    assert_eq!((status.as_u16(), kind.as_str()), (200, "application/protobuf"));
    let read = |data: TracesData| {
        assert_eq!(data.resource_spans.len(), 2);
        let orders = &data.resource_spans[1].scope_spans[0];
        let scope = orders.scope.as_ref().unwrap();
        assert_eq!((scope.name.as_str(), scope.attributes[0].key.as_str()), ("http", "lang"));
        let span = &orders.spans[0];
        assert_eq!(
            (span.name.as_str(), span.kind, span.status.as_ref().unwrap().code),
            ("INSERT orders", 3, 2)
        );
        assert_eq!(
            (span.parent_span_id.as_slice(), span.events[0].name.as_str()),
            (&[1; 8][..], "exception")
        );
    };
    read(TracesData::decode(body.as_slice()).unwrap());
    // The second version wraps the trace in field 1 of an answer.
    let (_, _, body) =
        asked(&format!("/api/v2/traces/{id}"), "application/protobuf, application/json;q=0.5").await;
    #[derive(Clone, PartialEq, prost::Message)]
    struct Answer {
        #[prost(message, optional, tag = "1")]
        trace: Option<TracesData>,
    }
    read(Answer::decode(body.as_slice()).unwrap().trace.unwrap());
}

#[tokio::test]
async fn a_trace_in_json_tells_the_attributes_of_its_scopes() {
    let id = TraceId([1; 16]).to_string();
    let scope = json!({"name": "http", "version": "1", "attributes": [{"key": "lang", "value": {"stringValue": "rust"}}]});
    assert_eq!(get(&format!("/api/traces/{id}")).await["batches"][1]["scopeSpans"][0]["scope"], scope);
    let second = get(&format!("/api/v2/traces/{id}")).await;
    assert_eq!(second["trace"]["resourceSpans"][0]["scopeSpans"][0]["scope"], scope);
    assert_eq!(asked("/api/traces/77", "*/*").await.0, 404);
    assert!(refused("/api/traces/xyz").await.contains("hex digits"));
}

#[tokio::test]
async fn a_search_says_what_it_looked_at_and_shows_as_many_spans_as_asked() {
    let found = get(&format!("/api/search?{}", encoded(&[("q", "{ }"), ("spss", "1")]))).await;
    assert_eq!(found["metrics"]["inspectedTraces"], 2);
    assert_eq!(found["metrics"]["inspectedSpans"], "3");
    let set = &found["traces"][1]["spanSets"][0];
    assert_eq!((&set["matched"], set["spans"].as_array().unwrap().len()), (&json!(2), 1));
    let limited = get(&format!("/api/search?{}", encoded(&[("q", "{ }"), ("limit", "1")]))).await;
    assert_eq!(ids(&limited), ["02"]);
    for (name, value) in [("spss", "0"), ("spss", "101"), ("limit", "x"), ("start", "yesterday")] {
        assert!(refused(&format!("/api/search?{name}={value}")).await.contains(name), "{name}={value}");
    }
}

#[tokio::test]
async fn older_searches_by_tags_find_parts_of_values_and_failures() {
    let of = async |tags: &str| {
        let found = get(&format!("/api/search?{}", encoded(&[("tags", tags)]))).await;
        ids(&found).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of("error=true").await, ["01"]);
    // Both traces have a span that did not fail.
    assert_eq!(of("error=false").await, ["02", "01"]);
    assert_eq!(of("error=false http.status=502").await, Vec::<String>::new());
    assert_eq!(of("http.status=502").await, ["01"]);
    assert_eq!(of("db=postgres").await, ["01"]);
    assert_eq!(of("db=\"postgres main\"").await, ["01"]);
    assert_eq!(of("service.name=store name=get").await, ["02"]);
    let slow = get("/api/search?minDuration=10ms&maxDuration=1s").await;
    assert_eq!(ids(&slow), ["01"]);
    assert!(refused("/api/search?minDuration=10").await.contains("minDuration"));
    assert!(refused("/api/search?tags=x").await.contains("byte 0"));
}

#[tokio::test]
async fn names_and_values_are_of_what_matches_and_have_types() {
    let all = get("/api/v2/search/tags").await;
    assert_eq!(all["scopes"][0], json!({"name": "span", "tags": ["http.status"]}));
    let q = encoded(&[("q", "{ status = error }"), ("scope", "event")]);
    let events = get(&format!("/api/v2/search/tags?{q}")).await;
    assert_eq!(events["scopes"], json!([{"name": "event", "tags": ["reason"]}]));
    assert!(refused("/api/v2/search/tags?scope=nowhere").await.contains("invalid scope"));
    assert_eq!(get("/api/search/tags").await["tagNames"], json!(["http.status"]));

    let values = async |tag: &str, q: &str| {
        get(&format!("/api/v2/search/tag/{tag}/values?{}", encoded(&[("q", q)]))).await["tagValues"].clone()
    };
    assert_eq!(
        values("span.http.status", "{ status = error }").await,
        json!([{"type": "int", "value": "502"}])
    );
    // A query that is still being written counts as far as it goes.
    let partial = r#"{ resource.service.name = "orders" && span.http.status = }"#;
    assert_eq!(values("span.http.status", partial).await, json!([{"type": "int", "value": "502"}]));
    assert_eq!(
        values("status", "").await,
        json!([
        {"type": "keyword", "value": "error"}, {"type": "keyword", "value": "unset"}])
    );
    assert_eq!(values("event:name", "").await, json!([{"type": "string", "value": "exception"}]));
    assert_eq!(values("instrumentation.lang", "").await, json!([{"type": "string", "value": "rust"}]));
    let both = get("/api/search/tag/http.status/values").await;
    assert_eq!(both["tagValues"], json!(["200", "502"]));
    let one = get("/api/v2/search/tag/.http.status/values?limit=1").await;
    assert_eq!(one["tagValues"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn metrics_queries_answer_series_with_exemplars() {
    let start = (then() / 1_000_000_000 - 50).to_string();
    let end = (then() / 1_000_000_000 + 50).to_string();
    let q = "{ status = error } | count_over_time() by (resource.service.name)";
    let asked = encoded(&[("q", q), ("start", &start), ("end", &end), ("step", "1m")]);
    let answer = get(&format!("/api/metrics/query_range?{asked}")).await;
    let series = &answer["series"][0];
    assert_eq!(
        series["labels"],
        json!([{"key": "resource.service.name", "value": {"stringValue": "orders"}}])
    );
    assert_eq!(series["promLabels"], r#"{"resource.service.name"="orders"}"#);
    let values: f64 =
        series["samples"].as_array().unwrap().iter().map(|s| s["value"].as_f64().unwrap()).sum();
    assert!((values - 1.0).abs() < 1e-9, "{series}");
    assert_eq!(series["exemplars"][0]["labels"][0]["value"]["stringValue"], TraceId([1; 16]).to_string());

    let asked = encoded(&[("q", "{ } | count_over_time()"), ("since", "1h")]);
    let answer = get(&format!("/api/metrics/query?{asked}")).await;
    assert_eq!(answer["series"][0]["value"], 3.0);
    assert_eq!(answer["metrics"]["inspectedTraces"], 2);
    assert!(refused("/api/metrics/query_range").await.contains("missing q"));
    assert!(refused("/api/metrics/query_range?q=%7B%7D%7Crate()&step=x").await.contains("invalid step"));
    assert!(refused("/api/metrics/query?q=%7B%7D").await.contains("metrics function"));
}

#[tokio::test]
async fn jaeger_lists_services_operations_and_calls() {
    assert_eq!(get("/jaeger/api/services").await["data"], json!(["orders", "storefront"]));
    let names = get("/jaeger/api/services/storefront/operations").await;
    assert_eq!((&names["data"], &names["total"]), (&json!(["GET /", "POST /checkout"]), &json!(2)));
    let kinds = get("/jaeger/api/operations?service=orders&spanKind=client").await;
    assert_eq!(kinds["data"], json!([{"name": "INSERT orders", "spanKind": "client"}]));
    assert_eq!(get("/jaeger/api/operations?service=orders&spanKind=server").await["data"], json!([]));
    let end = clock::now_ms();
    let calls = get(&format!("/jaeger/api/dependencies?endTs={end}&lookback=3600000")).await;
    assert_eq!(calls["data"], json!([{"parent": "storefront", "child": "orders", "callCount": 1}]));
    assert!(refused("/jaeger/api/operations").await.contains("'service' is required"));
    assert!(refused("/jaeger/api/dependencies?endTs=x").await.contains("'endTs'"));
    assert!(refused("/jaeger/api/dependencies?lookback=0").await.contains("lookback"));
}

#[tokio::test]
async fn jaeger_finds_and_shows_traces() {
    let found = get(&format!(
        "/jaeger/api/traces?{}",
        encoded(&[
            ("service", "orders"),
            ("tags", r#"{"error":"true","http.status":"502"}"#),
            ("lookback", "1h")
        ])
    ))
    .await;
    let trace = &found["data"][0];
    assert_eq!(trace["traceID"], TraceId([1; 16]).to_string());
    let span = &trace["spans"][1];
    assert_eq!((&span["operationName"], &span["duration"]), (&json!("INSERT orders"), &json!(10_000)));
    assert_eq!(span["references"][0]["refType"], "CHILD_OF");
    assert_eq!(span["logs"][0]["fields"][0], json!({"key": "event", "type": "string", "value": "exception"}));
    assert_eq!(trace["processes"][span["processID"].as_str().unwrap()]["serviceName"], "orders");
    let tags = span["tags"].as_array().unwrap();
    assert!(tags.contains(&json!({"key": "error", "type": "bool", "value": true})), "{tags:?}");
    assert!(tags.contains(&json!({"key": "span.kind", "type": "string", "value": "client"})), "{tags:?}");

    let none = get("/jaeger/api/traces?service=storefront&operation=GET+%2F&minDuration=1h").await;
    assert_eq!(none["data"], json!([]));
    let by_id = get(&format!("/jaeger/api/traces/{}", TraceId([2; 16]))).await;
    assert_eq!(by_id["data"][0]["spans"][0]["operationName"], "GET /");
    let (status, _, body) = asked(&format!("/jaeger/api/traces/{}", TraceId([9; 16])), "*/*").await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status.as_u16(), &body["errors"][0]["code"]), (404, &json!(404)));
    assert!(refused("/jaeger/api/traces").await.contains("'service' is required"));
    assert!(refused("/jaeger/api/traces?service=s&limit=0").await.contains("'limit'"));
    assert!(refused("/jaeger/api/traces?service=s&start=x").await.contains("'start'"));
}
