use console_ingest::{
    IngestLimits,
    loki::push::{LabelPair, ProtoEntry, ProtoStream, PushRequest, Timestamp},
};
use prost::Message;

use crate::harness::{Harness, now};

const PATH: &str = "/loki/api/v1/push";
const JSON: (&str, &str) = ("content-type", "application/json");

fn push(labels: &str, line: &str) -> ProtoStream {
    let timestamp = Some(Timestamp { seconds: (now() / 1_000_000_000) as i64, nanos: 5 });
    let pair = LabelPair { name: "trace.id".to_owned(), value: "abc".to_owned() };
    let entry = ProtoEntry { timestamp, line: line.to_owned(), structured_metadata: vec![pair] };
    ProtoStream { labels: labels.to_owned(), entries: vec![entry] }
}

fn snappy(streams: Vec<ProtoStream>) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&PushRequest { streams }.encode_to_vec()).unwrap()
}

#[tokio::test]
async fn snappy_protobuf_and_json_are_stored_with_metadata() {
    let harness = Harness::start().await;
    // As tracing-loki sends it.
    let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];
    let body = snappy(vec![push(r#"{service_name="orders",level="info"}"#, "one")]);
    let (status, body, _) = harness.post(PATH, &headers, body).await;
    assert_eq!((status, &body[..]), (204, &b""[..]));
    let stream = r#"{"service_name":"orders","level":"info"}"#;
    let text =
        format!(r#"{{"streams":[{{"stream":{stream},"values":[["{}","two",{{"span_id":"7"}}]]}}]}}"#, now());
    assert_eq!(harness.post(PATH, &[JSON], text).await.0, 204);
    let mut stored = harness.all_logs();
    stored.sort_by_key(|(_, e)| e.line.clone());
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[0].0, stored[1].0);
    assert_eq!(stored[0].1.line, "one");
    assert_eq!(stored[0].1.metadata, [("trace_id".to_owned(), "abc".to_owned())]);
    assert_eq!(stored[1].1.metadata, [("span_id".to_owned(), "7".to_owned())]);
    assert_eq!(harness.counter("quarterdeck_ingest_items_total", &["accepted", "loki", "logs"]), 2);
}

#[tokio::test]
async fn a_bad_stream_is_named_and_the_good_one_stored() {
    let harness = Harness::start().await;
    let body = snappy(vec![push("{nonsense", "lost"), push(r#"{a="b"}"#, "kept")]);
    let (status, said, _) = harness.post(PATH, &[], body).await;
    assert_eq!(status, 400);
    assert!(String::from_utf8(said).unwrap().contains("error parsing labels \"{nonsense\""));
    assert_eq!(harness.all_logs()[0].1.line, "kept");
    assert_eq!(harness.counter("quarterdeck_ingest_rejected_total", &["loki", "invalid_labels"]), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_plain_text() {
    let harness = Harness::with(&["secret"], IngestLimits::default()).await;
    let token = ("authorization", "Bearer secret");
    let bad_time = r#"{"streams":[{"stream":{"a":"b"},"values":[["soon","x"]]}]}"#;
    let future = r#"{"streams":[{"stream":{"a":"b"},"values":[["9000000000000000000","x"]]}]}"#;
    let cases: [(&[(&str, &str)], &[u8], u16, &str); 6] = [
        (&[], b"x", 401, "missing bearer token"),
        (&[token], b"\xff\xff\xff\xff\xff\xff", 400, "Snappy"),
        (&[token, JSON], b"{", 400, "invalid JSON body"),
        (&[token, JSON], bad_time.as_bytes(), 400, "timestamp \"soon\""),
        (&[token, ("content-type", "text/csv")], b"x", 415, "Content-Type must be"),
        (&[token, JSON], future.as_bytes(), 429, ""),
    ];
    for (headers, body, want, message) in cases {
        let (status, said, _) = harness.post(PATH, headers, body.to_vec()).await;
        let said = String::from_utf8(said).unwrap();
        assert!(status == want && said.contains(message), "{status} instead of {want}: {said}");
    }
    assert!(harness.all_logs().is_empty());
}
