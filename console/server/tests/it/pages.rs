//! Every address answers.

use super::console::{Console, PASSWORD};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_whole_without_any_telemetry() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    console.log_in("admin", PASSWORD, "/").await;
    for path in [
        "/",
        "/logs",
        "/logs?q=%7Bbroken",
        "/traces",
        "/traces?q=%7Bbroken",
        "/metrics-explorer",
        "/metrics-explorer?q=sum(rate(up%5B1m%5D))",
        "/metrics-explorer?q=sum(",
        "/alerts",
        "/deploys",
        "/runbooks",
        "/runbooks?q=switch",
        "/runbooks/alerts/DeadMansSwitch",
        "/about",
        "/?from=yesterday",
    ] {
        let response = console.http.get(console.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
        let page = response.text().await.unwrap();
        assert!(page.contains("<main") && page.contains("</html>"), "{path}: {page}");
        assert!(!page.to_lowercase().contains("panicked"), "{path}");
    }
    let graph = console.http.get(console.url("/graph?g0.expr=sum%28up%29&g0.tab=1")).send().await.unwrap();
    assert_eq!(graph.status(), 303);
    assert_eq!(graph.headers()["location"], "/metrics-explorer?q=sum%28up%29");
    for path in [
        "/no-such-page",
        "/alerts/0000000000000000",
        "/traces/ffffffffffffffffffffffffffffffff",
        "/runbooks/nothing",
        "/deploys/0000000",
    ] {
        let (status, page) = console.fetch(path).await;
        assert_eq!(status, 404, "{path}");
        assert!(page.contains("<main"), "{path}: {page}");
    }
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_client_are_kept_for_ever_and_health_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    let css = console.http.get(console.url("/assets/app.1.css")).send().await.unwrap();
    assert_eq!(css.status(), 200);
    assert!(css.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert!(!console.fetch("/assets/../../password").await.0.is_success());
    assert_eq!(console.fetch("/assets/nothing.css").await.0, 404);
    assert_eq!(console.fetch("/favicon.ico").await.0, 200);
    let (status, metrics) = console.fetch("/metrics").await;
    assert_eq!(status, 200);
    for name in [
        "http_server_request_duration_seconds_bucket",
        "quarterdeck_store_items",
        "quarterdeck_store_bytes",
        "quarterdeck_store_log_segments",
    ] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
    console.stop().await;
}
