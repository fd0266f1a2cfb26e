//! Elasticsearch's API on the main listener: what a shipper writes, a viewer finds.

use console_model::clock::now_ms;
use serde_json::{Value, json};

use super::console::{Console, TOKEN};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shipper_writes_a_viewer_finds() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    let call = |method: &str, path: &str| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = console.http.request(method, console.url(&format!("/elasticsearch{path}")));
        // As shippers and clients show a token that they take for a password.
        request.basic_auth("elastic", Some(TOKEN)).header("content-type", "application/json")
    };
    let info: Value = call("GET", "/").send().await.unwrap().json().await.unwrap();
    assert_eq!(info["tagline"], "You Know, for Search");
    let lines = [
        json!({"create": {}}),
        json!({"@timestamp": now_ms() - 2000, "message": "payment declined", "service": {"name": "orders"}, "log": {"level": "error"}}),
        json!({"create": {}}),
        json!({"@timestamp": now_ms() - 1000, "message": "payment accepted", "service": {"name": "orders"}}),
    ];
    let body = lines.map(|line| format!("{line}\n")).concat();
    let written = call("POST", "/logs-orders-default/_bulk").body(body).send().await.unwrap();
    assert_eq!(written.headers()["x-elastic-product"], "Elasticsearch");
    let written: Value = written.json().await.unwrap();
    assert_eq!((&written["errors"], written["items"].as_array().map(Vec::len)), (&json!(false), Some(2)));
    let query = json!({"query": {"bool": {"must": [{"match": {"message": "declined"}}, {"term": {"log.level": "error"}}]}}});
    let found = call("POST", "/logs-*/_search").body(query.to_string()).send().await.unwrap();
    let found: Value = found.json().await.unwrap();
    assert_eq!(found["hits"]["total"]["value"], 1, "{found}");
    assert_eq!(found["hits"]["hits"][0]["_source"]["message"], "payment declined");
    // The same lines through the other door.
    let other = console.query("/loki/api/v1/query_range?query=%7Bindex%3D%22logs-orders-default%22%7D").await;
    assert_eq!(other["data"]["result"].as_array().map(Vec::len), Some(2), "{other}");
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_in_the_envelope_of_elasticsearch() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/_bulk"),
        ("POST", "/_search"),
        ("GET", "/logs/_count"),
        ("GET", "/_cat/indices"),
    ] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = console.http.request(method, console.url(&format!("/elasticsearch{path}")));
        let refused = request.bearer_auth("wrong").send().await.unwrap();
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["x-elastic-product"]),
            (401, &"Elasticsearch".parse().unwrap()),
            "{path}"
        );
        let told: Value = refused.json().await.unwrap();
        assert_eq!(
            (&told["status"], &told["error"]["type"]),
            (&json!(401), &json!("security_exception")),
            "{path}"
        );
    }
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_zipkin_are_found_by_their_id() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    let span = json!([{"traceId": "463ac35c9f6413ad48485a3953bb6124", "id": "a2fb4a1d1a96d312", "name": "pay",
        "timestamp": (now_ms() - 1000) * 1000, "duration": 1500, "localEndpoint": {"serviceName": "orders"}}]);
    let post = || console.http.post(console.url("/api/v2/spans")).json(&span);
    assert_eq!(post().send().await.unwrap().status(), 401);
    assert_eq!(post().bearer_auth(TOKEN).send().await.unwrap().status(), 202);
    let trace = console.query("/api/traces/463ac35c9f6413ad48485a3953bb6124").await;
    assert!(trace.to_string().contains("\"pay\""), "{trace}");
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn syslog_and_forward_listen_where_they_are_told_to() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let dir = tempfile::tempdir().unwrap();
    let mut config = super::console::lay_out(dir.path());
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listeners = [free(), free()];
    let [syslog, forward] = [0, 1].map(|i: usize| listeners[i].local_addr().unwrap());
    drop(listeners);
    config.syslog.tcp = Some(syslog);
    let key = dir.path().join("shared-key");
    std::fs::write(&key, "the shared key\n").unwrap();
    config.forward =
        Some(console_server::config::ForwardConfig { listen: forward, shared_key_file: Some(key) });
    let console = Console::start_with(config).await;
    let mut sender = tokio::net::TcpStream::connect(syslog).await.unwrap();
    sender.write_all(b"<11>1 - web-1 cron 1 - - a line of syslog\n").await.unwrap();
    let found = async {
        loop {
            let answer = console.query("/loki/api/v1/query_range?query=%7Bsource%3D%22syslog%22%7D").await;
            if answer["data"]["result"][0]["values"][0][1] == "a line of syslog" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), found).await.expect("stored in time");
    // With a key, the server speaks first.
    let mut sender = tokio::net::TcpStream::connect(forward).await.unwrap();
    let mut helo = [0; 16];
    sender.read_exact(&mut helo).await.unwrap();
    assert!(helo.windows(4).any(|w| w == b"HELO"), "{helo:?}");
    console.stop().await;
}
