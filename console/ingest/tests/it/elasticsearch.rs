//! Elasticsearch's writing API, with the requests that shippers and clients send.

use console_ingest::IngestLimits;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;

use crate::{
    fakes::watched,
    harness::{Harness, listen, now},
};

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");
const JSON: (&str, &str) = ("content-type", "application/json");

/// Now, as shippers write it.
fn timestamp() -> u64 {
    now() / 1_000_000
}

fn bulk(lines: &[Value]) -> String {
    lines.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect()
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(body)))
}

async fn send(harness: &Harness, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
    let request = reqwest::Client::new().request(method, format!("{}{path}", harness.http)).json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["x-elastic-product"], "Elasticsearch", "{path}");
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, if body.is_empty() { Value::Null } else { json_of(&body) })
}

/// What Filebeat 8 publishes, compressed as its `compression_level` says.
#[tokio::test]
async fn a_bulk_request_of_filebeat_is_stored_with_its_fields() {
    let harness = Harness::start().await;
    let event = json!({
        "@timestamp": timestamp(),
        "message": "GET /cart 500",
        "log": {"level": "error", "offset": 12, "file": {"path": "/var/log/shop.log"}},
        "input": {"type": "filestream"},
        "ecs": {"version": "8.0.0"},
        "host": {"name": "web-1"},
        "agent": {"type": "filebeat", "version": "8.17.0"},
        "service": {"name": "cart"},
        "trace": {"id": "0af7651916cd43dd8448eb211c80319c"},
    });
    let text = bulk(&[json!({"create": {"_index": "filebeat-8.17.0"}}), event]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let headers = [("content-type", "application/json; charset=UTF-8"), ("content-encoding", "gzip")];
    let path = "/elasticsearch/_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status";
    let (status, body, headers) = harness.post(path, &headers, gzip.finish().unwrap()).await;
    assert_eq!((status, &headers["x-elastic-product"]), (200, &"Elasticsearch".parse().unwrap()));
    let answer = json_of(&body);
    assert_eq!((&answer["errors"], &answer["items"]), (&json!(false), &json!([{"create": {"status": 201}}])));
    let stored = harness.all_logs();
    let labels = r#"{host_name="web-1", index="filebeat-8.17.0", level="error", service_name="cart"}"#;
    assert_eq!((&*stored[0].0.to_string(), &*stored[0].1.line), (labels, "GET /cart 500"));
    let metadata: Vec<_> = stored[0].1.metadata.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let want = [
        "agent_type=filebeat",
        "agent_version=8.17.0",
        "ecs_version=8.0.0",
        "input_type=filestream",
        "log_file_path=/var/log/shop.log",
        "log_offset=12",
        "trace_id=0af7651916cd43dd8448eb211c80319c",
    ];
    assert_eq!(metadata, want);
    assert_eq!(harness.counter("quarterdeck_ingest_items_total", &["accepted", "elasticsearch", "logs"]), 1);
}

/// What Fluent Bit's `es` output writes with `Suppress_Type_Name Off` and `Logstash_Format On`, and Logstash's pipeline.
#[tokio::test]
async fn fluent_bit_and_logstash_are_understood() {
    let harness = Harness::start().await;
    let text = bulk(&[
        json!({"create": {"_index": "logstash-2026.12.01", "_type": "_doc"}}),
        json!({"@timestamp": "2262-01-01T00:00:00.000Z", "log": "too far"}),
        json!({"create": {"_index": "logstash-2026.12.01", "_type": "_doc"}}),
        json!({"@timestamp": timestamp().to_string(), "log": "from a container", "stream": "stdout",
            "kubernetes": {"pod_name": "p-1", "namespace_name": "shop", "container_name": "web"}}),
        json!({"index": {"_id": null, "_index": "ecs-logstash", "routing": null, "pipeline": "x"}}),
        json!({"@version": "1", "message": "from logstash", "host": {"hostname": "h"}, "tags": ["a", "b"],
            "event": {"original": "raw"}}),
    ]);
    let (status, body, _) = harness.post("/elasticsearch/_bulk", &[NDJSON], text).await;
    let answer = json_of(&body);
    assert_eq!((status, &answer["errors"]), (200, &json!(true)));
    let error = &answer["items"][0]["create"]["error"]["reason"];
    assert!(error.as_str().unwrap().contains("timestamp too new"), "{error}");
    let statuses: Vec<_> = ["create", "create", "index"]
        .iter()
        .zip(answer["items"].as_array().unwrap())
        .map(|(action, item)| item[action]["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [400, 201, 201]);
    let mut lines: Vec<_> = harness.all_logs().into_iter().map(|(_, e)| e.line).collect();
    lines.sort();
    assert_eq!(lines, ["from a container", "from logstash"]);
    let count = |reason| harness.counter("quarterdeck_ingest_rejected_total", &["elasticsearch", reason]);
    assert_eq!(count("limit"), 1);
    assert_eq!(harness.counter("quarterdeck_ingest_items_total", &["rejected", "elasticsearch", "logs"]), 1);
}

#[tokio::test]
async fn every_item_is_answered_for_itself() {
    let harness = Harness::start().await;
    let text = bulk(&[
        json!({"create": {"_id": "mine"}}),
        json!({"message": "good"}),
        json!({"delete": {"_id": "1"}}),
        json!({"create": {}}),
        json!({"@timestamp": "soon", "message": "bad time"}),
        json!({"create": {}}),
        json!({"message": "x".repeat(300 << 10)}),
        json!({"update": {"_id": "2"}}),
        json!({"doc": {"message": "put in place"}, "doc_as_upsert": true}),
        json!({"create": {}}),
        json!(["no object"]),
        json!({"create": {}}),
        json!({"message": "good too"}),
    ]);
    let (status, body, _) = harness.post("/elasticsearch/logs-app-default/_bulk", &[NDJSON], text).await;
    let answer = json_of(&body);
    assert_eq!((status, &answer["errors"]), (200, &json!(true)));
    assert!(answer["took"].is_u64());
    let got: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let (action, told) = item.as_object().unwrap().iter().next().unwrap();
            assert_eq!(told["_index"], "logs-app-default");
            (
                action.clone(),
                told["status"].as_u64().unwrap(),
                told["error"]["type"].as_str().unwrap_or("").to_owned(),
            )
        })
        .collect();
    let want = [
        ("create", 201, ""),
        ("delete", 404, "document_missing_exception"),
        ("create", 400, "document_parsing_exception"),
        ("create", 400, "illegal_argument_exception"),
        ("update", 201, ""),
        ("create", 400, "document_parsing_exception"),
        ("create", 201, ""),
    ];
    assert_eq!(got, want.map(|(action, status, kind)| (action.to_owned(), status, kind.to_owned())));
    assert_eq!(answer["items"][0]["create"]["_id"], "mine");
    let reason = answer["items"][2]["create"]["error"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("line 5: ") && reason.contains("\"soon\""), "{reason}");
    let reason = answer["items"][3]["create"]["error"]["reason"].as_str().unwrap();
    assert!(reason.contains("max_line_bytes"), "{reason}");
    let mut lines: Vec<_> = harness.all_logs().into_iter().map(|(_, e)| e.line).collect();
    lines.sort();
    assert_eq!(lines, ["good", "good too", "put in place"]);
}

#[tokio::test]
async fn single_documents_are_created() {
    let harness = Harness::start().await;
    let post = reqwest::Method::POST;
    let (status, made) =
        send(&harness, post.clone(), "/elasticsearch/app/_doc?refresh=true", json!({"message": "one"})).await;
    assert_eq!((status, &made["result"], &made["_index"]), (201, &json!("created"), &json!("app")));
    assert_eq!(made["_id"].as_str().unwrap().len(), 20);
    let put = reqwest::Method::PUT;
    let (status, made) =
        send(&harness, put.clone(), "/elasticsearch/app/_create/7", json!({"message": "two"})).await;
    assert_eq!((status, &made["_id"]), (201, &json!("7")));
    let (status, told) = send(&harness, put, "/elasticsearch/app/_doc/8", json!({"@timestamp": "x"})).await;
    assert_eq!((status, &told["error"]["type"]), (400, &json!("document_parsing_exception")));
    let (status, told) = send(&harness, post, "/elasticsearch/App/_doc", json!({"message": "x"})).await;
    assert_eq!((status, &told["error"]["type"]), (400, &json!("invalid_index_name_exception")));
    assert_eq!(harness.all_logs().len(), 2);
}

/// Filebeat, Logstash and the clients, in the order in which they ask.
#[tokio::test]
async fn what_clients_ask_before_they_write_is_answered() {
    use reqwest::Method;
    let harness = Harness::start().await;
    for path in ["/elasticsearch", "/elasticsearch/"] {
        let (status, info) = send(&harness, Method::GET, path, Value::Null).await;
        assert_eq!((status, &info["tagline"]), (200, &json!("You Know, for Search")));
        assert_eq!(info["version"]["build_flavor"], "default");
        let number = info["version"]["number"].as_str().unwrap();
        assert_eq!(number.split('.').filter_map(|n| n.parse::<u32>().ok()).count(), 3, "{number}");
        assert_eq!(send(&harness, Method::HEAD, path, Value::Null).await.0, 200);
    }
    let (_, license) = send(&harness, Method::GET, "/elasticsearch/_license?human=false", Value::Null).await;
    assert_eq!(
        (&license["license"]["status"], &license["license"]["type"]),
        (&json!("active"), &json!("basic"))
    );
    let (_, features) = send(&harness, Method::GET, "/elasticsearch/_xpack", Value::Null).await;
    assert_eq!(features["features"]["ilm"]["available"], false);
    let (_, nodes) = send(&harness, Method::GET, "/elasticsearch/_nodes/http", Value::Null).await;
    let address = nodes["nodes"]["quarterdeck"]["http"]["publish_address"].as_str().unwrap();
    assert_eq!(format!("http://{address}"), harness.http);
    let (_, health) = send(&harness, Method::GET, "/elasticsearch/_cluster/health", Value::Null).await;
    assert_eq!(health["status"], "green");
    for path in [
        "_template/logstash",
        "_index_template/filebeat-8.17.0",
        "_component_template/logs",
        "_ilm/policy/filebeat",
        "_ingest/pipeline/filebeat-8.17.0-nginx",
    ] {
        let path = format!("/elasticsearch/{path}");
        assert_eq!(send(&harness, Method::GET, &path, Value::Null).await.0, 404, "{path}");
        assert_eq!(send(&harness, Method::HEAD, &path, Value::Null).await.0, 404, "{path}");
        let put =
            reqwest::Client::new().put(format!("{}{path}", harness.http)).json(&json!({"priority": 150}));
        let put = put.send().await.unwrap();
        assert!(put.headers()["warning"].to_str().unwrap().contains("not kept or applied"), "{path}");
        assert_eq!(put.json::<Value>().await.unwrap()["acknowledged"], true, "{path}");
    }
    for path in ["/elasticsearch/_data_stream/filebeat-8.17.0", "/elasticsearch/app-1"] {
        assert_eq!(send(&harness, Method::HEAD, path, Value::Null).await.0, 404, "{path}");
        assert_eq!(send(&harness, Method::PUT, path, json!({})).await.1["acknowledged"], true, "{path}");
        assert_eq!(send(&harness, Method::HEAD, path, Value::Null).await.0, 200, "{path}");
    }
    let (status, told) = send(&harness, Method::PUT, "/elasticsearch/Bad", json!({})).await;
    assert_eq!((status, &told["status"]), (400, &json!(400)));
}

#[tokio::test]
async fn tokens_come_as_bearer_password_or_api_key() {
    use base64::Engine as _;
    let encoded = |text: &str| base64::prelude::BASE64_STANDARD.encode(text);
    let harness = Harness::with(&["secret"], IngestLimits::default()).await;
    let text = bulk(&[json!({"create": {"_index": "app"}}), json!({"message": "x"})]);
    let cases = [
        ("Bearer secret".to_owned(), 200),
        (format!("Basic {}", encoded("elastic:secret")), 200),
        (format!("ApiKey {}", encoded("id:secret")), 200),
        ("ApiKey secret".to_owned(), 200),
        (format!("Basic {}", encoded("secret:wrong")), 401),
        ("Digest secret".to_owned(), 401),
    ];
    for (value, want) in cases {
        let headers = [NDJSON, ("authorization", value.as_str())];
        let (status, body, answer) = harness.post("/elasticsearch/_bulk", &headers, text.clone()).await;
        assert_eq!(status, want, "{value}");
        if want == 401 {
            assert_eq!(json_of(&body)["error"]["type"], "security_exception");
            assert_eq!(answer.get_all("www-authenticate").iter().count(), 3);
        }
    }
    for path in
        ["/elasticsearch/", "/elasticsearch/_license", "/elasticsearch/app", "/elasticsearch/_template/x"]
    {
        assert_eq!(send(&harness, reqwest::Method::GET, path, Value::Null).await.0, 401, "{path}");
    }
    let refused = harness.counter("quarterdeck_ingest_rejected_total", &["elasticsearch", "unauthenticated"]);
    assert_eq!(refused, 6);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_envelope() {
    let limits = IngestLimits { max_body_bytes: 4096, max_items_per_request: 3, ..IngestLimits::default() };
    let harness = Harness::with(&[], limits).await;
    let many = bulk(&[json!({"create": {"_index": "a"}}), json!({"message": "x"})]).repeat(4);
    let cases: [(&str, String, u16, &str); 5] = [
        ("/elasticsearch/_bulk", String::new(), 400, "request body is required"),
        ("/elasticsearch/_bulk", "{}\n{}\n".to_owned(), 400, "Malformed action/metadata line [1]"),
        ("/elasticsearch/_bulk", " ".repeat(5000), 413, "max_body_bytes (4096)"),
        ("/elasticsearch/_bulk", many, 413, "max_items_per_request (3)"),
        ("/elasticsearch/app/_doc", "{".to_owned(), 400, "invalid JSON body"),
    ];
    for (path, body, want, message) in cases {
        let (status, body, _) = harness.post(path, &[JSON], body).await;
        let told = json_of(&body);
        let reason = told["error"]["reason"].as_str().unwrap();
        assert!(status == want && reason.contains(message), "{path}: {status} {reason}");
        assert_eq!(told["status"], want);
        assert_eq!(told["error"]["root_cause"][0]["reason"], told["error"]["reason"]);
    }
    for path in ["/elasticsearch/_snapshot/a/b", "/elasticsearch/_nonsense"] {
        let (status, told) = send(&harness, reqwest::Method::POST, path, json!({})).await;
        let reason = told["error"]["reason"].as_str().unwrap().to_owned();
        assert!(
            status == 400 && reason.contains("no handler found for uri [/_"),
            "{path}: {status} {reason}"
        );
    }
    assert!(harness.all_logs().is_empty());
}

/// A shipper that catches up sends what is past the retention between what is not.
#[tokio::test]
async fn many_refused_documents_are_found_without_writing_the_others_again_and_again() {
    let harness = Harness::start().await;
    let (logs, ingest) = watched(&harness);
    let (listener, address) = listen().await;
    tokio::spawn(axum::serve(listener, ingest.http_router()).into_future());
    let document = |i: u64| {
        let t = if i.is_multiple_of(2) { timestamp() } else { 1_000_000_000_000 };
        [json!({"create": {}}), json!({"@timestamp": t, "message": format!("line {i}")})]
    };
    let body = bulk(&(0..1000).flat_map(document).collect::<Vec<_>>());
    let request = reqwest::Client::new().post(format!("http://{address}/elasticsearch/app/_bulk"));
    let answer = request.header(NDJSON.0, NDJSON.1).body(body).send().await.unwrap();
    let answer = json_of(&answer.bytes().await.unwrap());
    let statuses: Vec<u64> =
        answer["items"].as_array().unwrap().iter().map(|i| i["create"]["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 400].repeat(500));
    assert_eq!(harness.all_logs().len(), 500);
    let handed = logs.entries.load(std::sync::atomic::Ordering::Relaxed);
    assert!(handed <= 2000, "{handed} entries were written for 1000 documents");
}
