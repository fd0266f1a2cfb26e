//! Loki's push, in protobuf and in JSON, and the label text in it.

use console_ingest::loki::{
    labels,
    push::{self, Mapped},
};

use crate::{NOW_MS, remote_write::limits, wire::Message};

pub const WORDS: &[&str] = &[
    "{\"streams\":[",
    "\"stream\":",
    "\"values\":",
    "[\"1700000000000000000\",\"line\"]",
    ",{\"a\":\"b\"}",
    "{",
    "}",
    "[",
    "]",
    ",",
    "=",
    "\"",
    "`",
    "\\\"",
    "\\u0000",
    "é",
    "9223372036854775807",
    "-1",
];

pub fn body(data: &[u8]) {
    let limits = limits();
    let check = |mapped: Mapped| {
        let Ok((streams, _)) = mapped else { return };
        assert!(streams.iter().all(|s| !s.labels.is_empty() && s.labels.len() <= limits.max_labels));
        let lines: usize = streams.iter().map(|s| s.entries.len()).sum();
        assert!(lines <= data.len());
        let sorted = |e: &console_model::log::LogEntry| e.metadata.is_sorted_by_key(|m| &m.0);
        assert!(streams.iter().flat_map(|s| &s.entries).all(sorted));
    };
    check(push::from_proto(data, &limits));
    check(push::from_json(data, &limits));
    let _ = labels::parse(&String::from_utf8_lossy(data), limits.max_labels);
}

pub fn seeds() -> Vec<Vec<u8>> {
    let time = Message::default().varint(1, NOW_MS / 1000).varint(2, 7);
    let pair = Message::default().text(1, "trace_id").text(2, "abc");
    let entry = Message::default().message(1, time).text(2, "a line").message(3, pair);
    let stream = Message::default()
        .text(1, r#"{app="shop", level=`info`}"#)
        .message(2, entry.clone())
        .message(2, entry);
    let json = r#"{"streams":[{"stream":{"app":"shop"},"values":[["1700000000000000000","a line"],["1700000000000000001","b",{"trace_id":"abc"}]]}]}"#;
    vec![
        Message::default().message(1, stream.clone()).0,
        Message::default().message(1, stream.clone()).message(1, stream).0,
        json.as_bytes().to_vec(),
        br#"{app="shop",b="\"\\",c=`x`}"#.to_vec(),
    ]
}
