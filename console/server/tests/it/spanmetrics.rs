//! Metrics are derived from the spans that come in.

use console_model::clock::now_ns;
use serde_json::{Value, json};

use super::console::{Console, TOKEN, lay_out};

const TRACE: &str = "0102030405060708090a0b0c0d0e0f10";

fn spans_of(service: &str, span: &Value) -> Value {
    json!({
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeSpans": [{"spans": [span]}],
    })
}

/// A storefront that asks orders, which fails.
fn request() -> Value {
    let end = now_ns();
    let span = |id: &str, kind: u8, name: &str, took_ms: i64| {
        json!({
            "traceId": TRACE, "spanId": id, "name": name, "kind": kind,
            "startTimeUnixNano": (end - took_ms * 1_000_000).to_string(), "endTimeUnixNano": end.to_string(),
        })
    };
    let client = span("0000000000000001", 3, "POST", 40);
    let mut server = span("0000000000000002", 2, "POST /orders", 30);
    server["parentSpanId"] = "0000000000000001".into();
    server["status"] = json!({"code": 2});
    json!({"resourceSpans": [spans_of("storefront", &client), spans_of("orders", &server)]})
}

async fn push(console: &Console, otlp: &str) {
    let answer = console.http.post(otlp).bearer_auth(TOKEN).json(&request()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// The metrics of a selector with their last values.
async fn values(console: &Console, selector: &str) -> Vec<(Value, String)> {
    let encoded: String = url::form_urlencoded::byte_serialize(selector.as_bytes()).collect();
    let answer = console.query(&format!("/api/v1/query?query={encoded}")).await;
    let rows = answer["data"]["result"].as_array().unwrap();
    rows.iter().map(|r| (r["metric"].clone(), r["value"][1].as_str().unwrap().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_become_metrics_with_exemplars_and_edges_that_outlive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let config = lay_out(dir.path());
    let otlp = format!("http://{}/v1/traces", config.otlp_http);
    let console = Console::start_with(config.clone()).await;
    push(&console, &otlp).await;
    // Nobody waits for the interval: what was counted is written at the end.
    console.stop().await;

    let console = Console::start_with(config).await;
    let calls = values(&console, r#"traces_spanmetrics_calls_total{service="orders"}"#).await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    let (labels, value) = &calls[0];
    assert_eq!(
        (
            labels["span_name"].as_str(),
            labels["span_kind"].as_str(),
            labels["status_code"].as_str(),
            &**value
        ),
        (Some("POST /orders"), Some("SPAN_KIND_SERVER"), Some("STATUS_CODE_ERROR"), "1")
    );
    let edge = r#"{client="storefront", server="orders"}"#;
    for (metric, wanted) in [
        ("traces_service_graph_request_total", "1"),
        ("traces_service_graph_request_failed_total", "1"),
        ("traces_service_graph_request_client_seconds_sum", "0.04"),
        ("traces_service_graph_request_server_seconds_sum", "0.03"),
    ] {
        let got = values(&console, &format!("{metric}{edge}")).await;
        assert_eq!(got.iter().map(|(_, v)| &**v).collect::<Vec<_>>(), [wanted], "{metric}: {got:?}");
    }
    let end_s = now_ns() / 1_000_000_000 + 60;
    let query = format!(
        "/api/v1/query_exemplars?query=traces_spanmetrics_latency_bucket&start={}&end={end_s}",
        end_s - 600
    );
    let exemplars = console.query(&query).await.to_string();
    assert!(exemplars.contains(TRACE), "{exemplars}");
    let kinds = console.query("/api/v1/metadata?metric=traces_spanmetrics_latency").await;
    assert_eq!(kinds["data"]["traces_spanmetrics_latency"][0]["type"], "histogram", "{kinds}");
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_metrics_are_derived_when_that_is_switched_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = lay_out(dir.path());
    config.spanmetrics.enabled = Some(false);
    let otlp = format!("http://{}/v1/traces", config.otlp_http);
    let console = Console::start_with(config.clone()).await;
    push(&console, &otlp).await;
    console.stop().await;
    let console = Console::start_with(config).await;
    let derived = values(&console, r#"{__name__=~"traces_.*"}"#).await;
    assert!(derived.is_empty(), "{derived:?}");
    let trace = console.query(&format!("/api/traces/{TRACE}")).await;
    assert!(trace.to_string().contains("POST /orders"), "{trace}");
    console.stop().await;
}
