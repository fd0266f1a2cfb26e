//! What was accepted is there after a restart.

use console_model::clock::{now_ms, now_ns};

use super::console::{Console, PASSWORD, TOKEN, lay_out};

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_and_sessions_outlive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let config = lay_out(dir.path());
    let otlp = format!("http://{}/v1/traces", config.otlp_http);
    let console = Console::start_with(config.clone()).await;
    let push = serde_json::json!({"streams": [{
        "stream": {"service_name": "orders"},
        "values": [[now_ns().to_string(), "the line that must stay"]],
    }]});
    let answer = console.http.post(console.url("/loki/api/v1/push")).bearer_auth(TOKEN).json(&push);
    assert_eq!(answer.send().await.unwrap().status(), 204);
    let start = now_ns();
    let span = serde_json::json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "orders"}}]},
        "scopeSpans": [{"spans": [{
            "traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708", "name": "POST /orders",
            "kind": 2, "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 5_000_000).to_string(),
        }]}],
    }]});
    assert_eq!(console.http.post(otlp).bearer_auth(TOKEN).json(&span).send().await.unwrap().status(), 200);
    assert_eq!(console.log_in("admin", PASSWORD, "/").await.status(), 303);
    let http = console.http.clone();
    console.stop().await;

    let mut console = Console::start_with(config).await;
    console.http = http;
    let lines = console.query("/loki/api/v1/query_range?query=%7Bservice_name%3D%22orders%22%7D").await;
    assert_eq!(lines["data"]["result"][0]["values"][0][1], "the line that must stay", "{lines}");
    let trace = console.query("/api/traces/0102030405060708090a0b0c0d0e0f10").await;
    assert!(trace.to_string().contains("POST /orders"), "{trace}");
    let (status, page) = console.fetch("/traces/0102030405060708090a0b0c0d0e0f10").await;
    assert_eq!(status, 200, "the session is still good");
    assert!(page.contains("id=\"waterfall\"") && page.contains("POST /orders"));
    // The rule has been evaluated by now or will be: its series comes through the same store.
    let found = async {
        loop {
            let answer = console.query("/api/v1/query?query=ALERTS").await;
            if answer["data"]["result"].as_array().is_some_and(|r| !r.is_empty()) {
                break answer;
            }
            tokio::task::yield_now().await;
        }
    };
    let alerts =
        tokio::time::timeout(std::time::Duration::from_secs(20), found).await.expect("ALERTS appears");
    assert_eq!(alerts["data"]["result"][0]["metric"]["alertname"], "DeadMansSwitch");
    let at_s = alerts["data"]["result"][0]["value"][0].as_f64().unwrap();
    assert!((at_s - now_ms() as f64 / 1000.0).abs() < 60.0, "evaluated now: {alerts}");
    console.stop().await;
}
