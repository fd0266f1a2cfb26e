//! The forward protocol over real sockets, with the bytes that Fluentd, Fluent Bit and fluent-logger send.

use std::{future::pending, io::Write as _, net::SocketAddr};

use console_ingest::{IngestLimits, forward::handshake};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Harness, listen, now};

async fn start(harness: &Harness, key: Option<&str>) -> SocketAddr {
    let (listener, address) = listen().await;
    let (ingest, key) = (harness.ingest.clone(), key.map(str::to_owned));
    tokio::spawn(async move { ingest.serve_forward(listener, key, pending()).await });
    address
}

/// A value as MessagePack.
fn pack(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(b) => out.push(if *b { 0xc3 } else { 0xc2 }),
        Value::Number(n) => match n.as_i64() {
            Some(n) => {
                out.push(0xd3);
                out.extend(n.to_be_bytes());
            }
            None => {
                out.push(0xcb);
                out.extend(n.as_f64().unwrap().to_be_bytes());
            }
        },
        Value::String(text) => {
            out.push(0xdb);
            out.extend((text.len() as u32).to_be_bytes());
            out.extend(text.as_bytes());
        }
        Value::Array(values) => {
            out.push(0xdc);
            out.extend((values.len() as u16).to_be_bytes());
            out.extend(values.iter().flat_map(pack));
        }
        Value::Object(members) => {
            out.push(0xde);
            out.extend((members.len() as u16).to_be_bytes());
            out.extend(members.iter().flat_map(|(k, v)| [pack(&json!(k)), pack(v)].concat()));
        }
    }
    out
}

fn bytes(raw: &[u8]) -> Vec<u8> {
    let mut out = vec![0xc6];
    out.extend((raw.len() as u32).to_be_bytes());
    out.extend(raw);
    out
}

/// Now, as an event time.
fn event_time() -> Vec<u8> {
    let now = now();
    let both = ((now / 1_000_000_000) << 32) | (now % 1_000_000_000);
    let mut out = vec![0xd7, 0];
    out.extend(both.to_be_bytes());
    out
}

fn array(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![0x90 | parts.len() as u8];
    out.extend(parts.concat());
    out
}

fn entry(line: &str) -> Vec<u8> {
    array(&[event_time(), pack(&json!({"message": line, "level": "WARN", "n": 1}))])
}

/// `{"ack": …}` of a short chunk.
async fn ack(stream: &mut TcpStream, chunk: &str) {
    let want = handshake::ack(chunk);
    let mut got = vec![0; want.len()];
    stream.read_exact(&mut got).await.unwrap();
    assert_eq!(got, want);
}

#[tokio::test]
async fn every_mode_is_stored_and_acknowledged() {
    let harness = Harness::start().await;
    let mut stream = TcpStream::connect(start(&harness, None).await).await.unwrap();
    let tag = || pack(&json!("shop.access"));
    let chunk = |name: &str| pack(&json!({"chunk": name, "size": 1}));
    let seconds = pack(&json!(now() / 1_000_000_000));
    let packed = [entry("packed one"), entry("packed two")].concat();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&entry("compressed")).unwrap();
    // Fluent Bit since 2.1 has metadata beside each time.
    let with_metadata =
        array(&[array(&[event_time(), pack(&json!({"m": 1}))]), pack(&json!({"log": "with metadata"}))]);
    let sent = [
        (array(&[tag(), seconds.clone(), pack(&json!({"message": "no option"}))]), None),
        (array(&[tag(), event_time(), pack(&json!({"message": "message"})), chunk("a")]), Some("a")),
        (array(&[tag(), array(&[entry("forward one"), entry("forward two")]), chunk("b")]), Some("b")),
        (array(&[tag(), bytes(&packed), chunk("c")]), Some("c")),
        (
            array(&[
                tag(),
                bytes(&gzip.finish().unwrap()),
                pack(&json!({"compressed": "gzip", "chunk": "d"})),
            ]),
            Some("d"),
        ),
        (vec![0xc0], None),
        (array(&[tag(), bytes(&with_metadata), chunk("e")]), Some("e")),
        (array(&[tag(), array(&[]), chunk("f")]), Some("f")),
    ];
    for (message, chunk) in sent {
        // In pieces, as a network has them.
        let half = message.len() / 2;
        stream.write_all(&message[..half]).await.unwrap();
        stream.flush().await.unwrap();
        stream.write_all(&message[half..]).await.unwrap();
        if let Some(chunk) = chunk {
            ack(&mut stream, chunk).await;
        }
    }
    let stored = harness.all_logs();
    let mut lines: Vec<_> = stored.iter().map(|(_, e)| e.line.clone()).collect();
    lines.sort();
    let want = [
        "compressed",
        "forward one",
        "forward two",
        "message",
        "no option",
        "packed one",
        "packed two",
        "with metadata",
    ];
    assert_eq!(lines, want);
    let (labels, entry) = stored.iter().find(|(_, e)| e.line == "forward one").unwrap();
    assert_eq!(labels.to_string(), r#"{level="warn", service_name="shop", source="forward"}"#);
    assert_eq!(
        entry.metadata,
        [("fluent_tag", "shop.access"), ("n", "1")].map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    assert!(now().abs_diff(entry.t_ns as u64) < 60_000_000_000);
    assert_eq!(harness.counter("quarterdeck_ingest_items_total", &["accepted", "forward", "logs"]), 8);
}

#[tokio::test]
async fn entries_that_can_never_be_stored_are_counted_and_acknowledged() {
    let harness = Harness::start().await;
    let mut stream = TcpStream::connect(start(&harness, None).await).await.unwrap();
    let old = array(&[pack(&json!(1)), pack(&json!({"message": "long ago"}))]);
    let none = array(&[event_time(), pack(&json!("no map"))]);
    let message =
        array(&[pack(&json!("t")), array(&[old, none, entry("good")]), pack(&json!({"chunk": "x"}))]);
    stream.write_all(&message).await.unwrap();
    ack(&mut stream, "x").await;
    assert_eq!(harness.all_logs().len(), 1);
    let count = |reason| harness.counter("quarterdeck_ingest_rejected_total", &["forward", reason]);
    assert_eq!((count("limit"), count("invalid_record")), (1, 1));
}

#[tokio::test]
async fn garbage_ends_the_connection_with_a_reason() {
    let limits = IngestLimits { max_body_bytes: 100_000, ..IngestLimits::default() };
    let harness = Harness::with(&[], limits).await;
    let address = start(&harness, None).await;
    let endless =
        [vec![0x92], pack(&json!("t")), vec![0xc6, 0x7f, 0xff, 0xff, 0xff], vec![0; 200_000]].concat();
    let cases: [(Vec<u8>, &str); 5] = [
        (b"GET / HTTP/1.1\r\n".to_vec(), "undecodable"),
        (vec![0xc1], "undecodable"),
        (array(&[pack(&json!(7)), array(&[])]), "undecodable"),
        (
            array(&[pack(&json!("t")), bytes(b"no gzip"), pack(&json!({"compressed": "gzip"}))]),
            "corrupt_body",
        ),
        (endless, "too_large"),
    ];
    for (message, reason) in cases {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(&message).await;
        assert!(matches!(stream.read(&mut [0; 9]).await, Ok(0) | Err(_)), "{reason}");
        harness.refusal("forward", reason).await;
    }
    assert!(harness.all_logs().is_empty());
}

/// As the client's side of the handshake computes it.
async fn greet(stream: &mut TcpStream, key: &str) -> Vec<u8> {
    let mut helo = [0; 256];
    let read = stream.read(&mut helo).await.unwrap();
    let at = helo[..read].windows(2).position(|w| w == [0xc4, 16]).unwrap() + 2;
    let nonce = helo[at..at + 16].to_vec();
    let digest = handshake::digest(b"salt", b"client", &nonce, key);
    let ping = ["PING", "client", "salt", &digest, "", ""].map(|t| pack(&json!(t)));
    stream.write_all(&array(&ping)).await.unwrap();
    let mut pong = vec![0; 256];
    let read = stream.read(&mut pong).await.unwrap();
    pong.truncate(read);
    let want = handshake::digest(b"salt", handshake::HOST.as_bytes(), &nonce, key);
    assert_eq!(
        String::from_utf8_lossy(&pong).contains(&want),
        pong.contains(&0xc3),
        "who is let in can check the server"
    );
    pong
}

#[tokio::test]
async fn with_a_shared_key_only_those_who_know_it_may_send() {
    let harness = Harness::start().await;
    let address = start(&harness, Some("a shared key")).await;
    let message = array(&[
        pack(&json!("t")),
        event_time(),
        pack(&json!({"message": "x"})),
        pack(&json!({"chunk": "x"})),
    ]);
    let mut stranger = TcpStream::connect(address).await.unwrap();
    let pong = greet(&mut stranger, "another key").await;
    assert!(String::from_utf8_lossy(&pong).contains("shared_key mismatch"));
    let _ = stranger.write_all(&message).await;
    assert!(matches!(stranger.read(&mut [0; 9]).await, Ok(0) | Err(_)));
    let mut rude = TcpStream::connect(address).await.unwrap();
    rude.write_all(&message).await.unwrap();
    harness.refusal("forward", "undecodable").await;
    harness.refusal("forward", "unauthenticated").await;
    assert!(harness.all_logs().is_empty());
    let mut friend = TcpStream::connect(address).await.unwrap();
    greet(&mut friend, "a shared key").await;
    friend.write_all(&message).await.unwrap();
    ack(&mut friend, "x").await;
    assert_eq!(harness.all_logs().len(), 1);
}
