//! Zipkin's collector, with the requests of its reporters.

use console_ingest::IngestLimits;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;

use crate::harness::{Harness, now};

const PATH: &str = "/api/v2/spans";
const JSON: (&str, &str) = ("content-type", "application/json");

fn span(id: &str) -> Value {
    json!({
        "traceId": "5982fe77008310cc80f1da5e10147517", "id": id, "name": "get", "kind": "SERVER",
        "timestamp": now() / 1000, "duration": 2500, "localEndpoint": {"serviceName": "cart"},
        "tags": {"http.path": "/cart"},
    })
}

#[tokio::test]
async fn spans_are_stored_plain_and_with_gzip() {
    let harness = Harness::start().await;
    let (status, body, _) = harness.post(PATH, &[JSON], json!([span("1")]).to_string()).await;
    assert_eq!((status, &body[..]), (202, &b""[..]));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(json!([span("2"), span("3")]).to_string().as_bytes()).unwrap();
    let headers = [JSON, ("content-encoding", "gzip")];
    assert_eq!(harness.post(PATH, &headers, gzip.finish().unwrap()).await.0, 202);
    let stored = harness.all_traces();
    assert_eq!((stored.len(), stored[0].spans.len()), (1, 3));
    let first = &stored[0].spans[0];
    assert_eq!((&*first.service, first.duration_ns), ("cart", 2_500_000));
    assert_eq!(first.attribute("http.path").unwrap().to_string(), "/cart");
    assert_eq!(harness.counter("quarterdeck_ingest_items_total", &["accepted", "zipkin", "traces"]), 3);
}

#[tokio::test]
async fn a_bad_span_is_named_and_the_good_one_stored() {
    let harness = Harness::start().await;
    let (status, said, _) = harness.post(PATH, &[JSON], json!([span("x"), span("2")]).to_string()).await;
    let said = String::from_utf8(said).unwrap();
    assert!(status == 400 && said.contains("span \"get\" at [0]: id: span id must be"), "{status} {said}");
    assert_eq!(harness.all_traces()[0].spans.len(), 1);
    assert_eq!(harness.counter("quarterdeck_ingest_rejected_total", &["zipkin", "invalid_id"]), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_plain_text() {
    let limits = IngestLimits { max_items_per_request: 2, ..IngestLimits::default() };
    let harness = Harness::with(&["secret"], limits).await;
    let token = ("authorization", "Bearer secret");
    let three = json!([span("1"), span("2"), span("3")]).to_string();
    let cases: [(&[(&str, &str)], &str, u16, &str); 5] = [
        (&[JSON], "[]", 401, "missing bearer token"),
        (&[JSON, token], "{}", 400, "invalid JSON body"),
        (&[JSON, token], "[{\"tags\":[]}]", 400, "invalid JSON body"),
        (&[JSON, token], &three, 413, "max_items_per_request (2)"),
        (
            &[("content-type", "application/x-protobuf"), token],
            "x",
            415,
            "Content-Type must be application/json",
        ),
    ];
    for (headers, body, want, message) in cases {
        let (status, said, _) = harness.post(PATH, headers, body.to_owned()).await;
        let said = String::from_utf8(said).unwrap();
        assert!(status == want && said.contains(message), "{status} instead of {want}: {said}");
    }
    assert_eq!(harness.post(PATH, &[JSON, token], "[]").await.0, 202, "nothing is nothing wrong");
    assert!(harness.all_traces().is_empty());
}
