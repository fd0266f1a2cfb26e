use console_ingest::IngestLimits;
use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use std::io::Write;

use crate::{
    grpc::{span, traces},
    harness::Harness,
};

const JSON: (&str, &str) = ("content-type", "application/json");
const PROTO: (&str, &str) = ("content-type", "application/x-protobuf");

fn json_of(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).unwrap()
}

#[tokio::test]
async fn protobuf_and_json_are_answered_in_their_own_encoding() {
    let harness = Harness::start().await;
    let (status, body, _) = harness.post("/v1/traces", &[PROTO], traces(vec![span(1)]).encode_to_vec()).await;
    assert_eq!((status, ExportTraceServiceResponse::decode(&body[..]).unwrap().partial_success), (200, None));
    let text = serde_json::to_vec(&traces(vec![span(2)])).unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&text).unwrap();
    let headers = [JSON, ("content-encoding", "gzip")];
    let (status, body, answer) = harness.post("/v1/traces", &headers, gzip.finish().unwrap()).await;
    assert_eq!((status, &answer["content-type"]), (200, &"application/json".parse().unwrap()));
    assert!(json_of(&body).is_object());
    assert_eq!(harness.all_traces()[0].spans.len(), 2);
}

#[tokio::test]
async fn refusals_are_rpc_statuses_that_name_what_is_wrong() {
    let deep = format!("{}1{}", "[".repeat(99), "]".repeat(99));
    let cases: [(&str, Vec<u8>, u16, &str); 4] = [
        ("deep", deep.into_bytes(), 400, "max_json_depth (64)"),
        ("no JSON", b"{\"resourceSpans\": 7}".to_vec(), 400, "invalid JSON body"),
        ("no UTF-8", b"{\"a\":\"\xff\"}".to_vec(), 400, "not UTF-8 at byte 6"),
        ("too large", vec![b' '; 2000], 413, "max_body_bytes (1000)"),
    ];
    let harness = Harness::with(&[], IngestLimits { max_body_bytes: 1000, ..IngestLimits::default() }).await;
    for (what, body, want, message) in cases {
        let (status, body, _) = harness.post("/v1/traces", &[JSON], body).await;
        let said = json_of(&body)["message"].as_str().unwrap().to_owned();
        assert!(status == want && said.contains(message), "{what}: {status} {said}");
        assert_eq!(json_of(&body)["code"], 3);
    }
    let (status, _, _) = harness.post("/v1/traces", &[("content-type", "text/plain")], "x").await;
    assert_eq!(status, 415);
    let (status, _, _) = harness.post("/v1/traces", &[PROTO, ("content-encoding", "br")], "x").await;
    assert_eq!(status, 415);
    let count = |reason| harness.counter("quarterdeck_ingest_rejected_total", &["otlp_http", reason]);
    assert_eq!((count("too_deep"), count("invalid_utf8"), count("too_large")), (1, 1, 1));
}

#[tokio::test]
async fn a_zip_bomb_stops_at_the_limit() {
    let limits = IngestLimits { max_decompressed_bytes: 1 << 20, ..IngestLimits::default() };
    let harness = Harness::with(&[], limits).await;
    let zeros = vec![0u8; 8 << 20];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&zeros).unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&zeros).unwrap();
    let bombs = [
        ("gzip", gzip.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("zstd", zstd::encode_all(&zeros[..], 3).unwrap()),
        ("snappy", snap::raw::Encoder::new().compress_vec(&zeros).unwrap()),
    ];
    for (encoding, bomb) in bombs {
        let (status, _, _) = harness.post("/v1/traces", &[PROTO, ("content-encoding", encoding)], bomb).await;
        assert_eq!(status, 413, "{encoding}");
    }
    assert_eq!(harness.counter("quarterdeck_ingest_rejected_total", &["otlp_http", "too_large"]), 4);
    let (status, _, _) = harness.post("/v1/traces", &[PROTO], traces(vec![span(1)]).encode_to_vec()).await;
    assert_eq!(status, 200, "the process is well");
}

#[tokio::test]
async fn tokens_are_asked_for_and_other_methods_refused() {
    let harness = Harness::with(&["secret"], IngestLimits::default()).await;
    let body = traces(vec![span(1)]).encode_to_vec();
    let (status, _, headers) = harness.post("/v1/traces", &[PROTO], body.clone()).await;
    assert_eq!((status, &headers["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
    let (status, _, _) = harness.post("/v1/traces", &[PROTO, ("authorization", "Bearer secret")], body).await;
    assert_eq!(status, 200);
    assert_eq!(reqwest::get(format!("{}/v1/traces", harness.http)).await.unwrap().status(), 405);
}
