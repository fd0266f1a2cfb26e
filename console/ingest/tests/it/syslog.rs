//! Syslog over real sockets.

use std::{future::pending, net::SocketAddr, sync::atomic::Ordering, time::Duration};

use console_ingest::IngestLimits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

use crate::{
    fakes::watched,
    harness::{Harness, listen},
};

async fn tcp(harness: &Harness) -> SocketAddr {
    let (listener, address) = listen().await;
    let ingest = harness.ingest.clone();
    tokio::spawn(async move { ingest.serve_syslog_tcp(listener, pending()).await });
    address
}

fn message(app: &str, text: &str) -> String {
    format!("<11>1 - web-1 {app} 42 - [a b=\"c\"] {text}")
}

/// Octet counting (rsyslog's and syslog-ng's `framing(octet-counted)`) and newlines (`logger -T`), in pieces.
#[tokio::test]
async fn both_framings_are_read_in_whatever_pieces_they_come() {
    let harness = Harness::start().await;
    let mut stream = TcpStream::connect(tcp(&harness).await).await.unwrap();
    let counted = message("counted", "two\nlines");
    let text = format!(
        "{} {counted}{}\n<13>1 2001-01-01T00:00:00Z h old - - - one\r\n{}",
        counted.len(),
        message("lined", "x"),
        message("last", "y")
    );
    for piece in text.as_bytes().chunks(7) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
    }
    stream.shutdown().await.unwrap();
    let refused_old = harness.lines(3);
    let mut stored: Vec<_> = refused_old
        .await
        .into_iter()
        .map(|(l, e)| (l.get("service_name").unwrap().to_owned(), e.line))
        .collect();
    stored.sort();
    assert_eq!(
        stored,
        [("counted", "two\nlines"), ("last", "y"), ("lined", "x")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    // What is years old is past what the store keeps.
    harness.refusal("syslog", "limit").await;
    let (labels, entry) = harness.all_logs().into_iter().find(|(_, e)| e.line == "x").unwrap();
    let want = r#"{host_name="web-1", level="error", service_name="lined", source="syslog"}"#;
    assert_eq!(labels.to_string(), want);
    let metadata: Vec<_> = entry.metadata.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(metadata, ["sd_a_b=c", "syslog_facility=user", "syslog_procid=42", "syslog_severity=err"]);
}

#[tokio::test]
async fn a_datagram_is_a_message() {
    let harness = Harness::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let ingest = harness.ingest.clone();
    tokio::spawn(async move { ingest.serve_syslog_udp(socket, pending()).await });
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for text in [message("udp", "one"), "garbage".to_owned(), String::new(), message("udp", "two")] {
        sender.send_to(text.as_bytes(), address).await.unwrap();
    }
    let mut lines: Vec<_> = harness.lines(2).await.into_iter().map(|(_, e)| e.line).collect();
    lines.sort();
    assert_eq!(lines, ["one", "two"]);
    harness.refusal("syslog", "invalid_priority").await;
}

/// Whether the other side ends it: as an end or as a reset, by whether all was read there.
async fn ended(mut stream: TcpStream) -> bool {
    matches!(stream.read(&mut [0; 9]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn connections_past_the_limit_are_closed_at_once() {
    let limits = IngestLimits { max_connections: 2, ..IngestLimits::default() };
    let harness = Harness::with(&[], limits).await;
    let address = tcp(&harness).await;
    let mut open = Vec::new();
    for number in 1..=2 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{}\n", message("app", &number.to_string())).as_bytes()).await.unwrap();
        harness.lines(number).await;
        open.push(stream);
    }
    assert!(ended(TcpStream::connect(address).await.unwrap()).await);
    harness.refusal("syslog", "too_many_connections").await;
    open[0].write_all(format!("{}\n", message("app", "3")).as_bytes()).await.unwrap();
    harness.lines(3).await;
}

#[tokio::test]
async fn what_cannot_be_framed_ends_the_connection_and_no_other() {
    let limits = IngestLimits { max_frame_bytes: 200, ..IngestLimits::default() };
    let harness = Harness::with(&[], limits).await;
    let address = tcp(&harness).await;
    let mut good = TcpStream::connect(address).await.unwrap();
    good.write_all(format!("{}\n", message("app", "before")).as_bytes()).await.unwrap();
    harness.lines(1).await;
    let mut bad = TcpStream::connect(address).await.unwrap();
    bad.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(ended(bad).await);
    harness.refusal("syslog", "undecodable").await;
    let mut long = TcpStream::connect(address).await.unwrap();
    let _ = long.write_all(format!("<1>{}", "x".repeat(400)).as_bytes()).await;
    assert!(ended(long).await);
    good.write_all(format!("{}\n", message("app", "after")).as_bytes()).await.unwrap();
    harness.lines(2).await;
}

#[tokio::test]
async fn a_silent_connection_is_let_go() {
    let limits = IngestLimits { idle_timeout_ms: 50, ..IngestLimits::default() };
    let harness = Harness::with(&[], limits).await;
    let mut stream = TcpStream::connect(tcp(&harness).await).await.unwrap();
    assert_eq!(stream.read(&mut [0; 9]).await.unwrap_or(0), 0);
    harness.refusal("syslog", "idle").await;
}

#[tokio::test]
async fn a_busy_store_makes_a_sender_over_tcp_wait_and_loses_no_line() {
    const LINES: usize = 20_000;
    let harness = Harness::start().await;
    let (logs, ingest) = watched(&harness);
    logs.is_busy.store(true, Ordering::Relaxed);
    let (listener, address) = listen().await;
    tokio::spawn(async move { ingest.serve_syslog_tcp(listener, pending()).await });
    let sender = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // More than sockets and buffers hold.
        for i in 0..LINES {
            let line = format!("{}\n", message("app", &format!("{i} {}", "x".repeat(1000))));
            stream.write_all(line.as_bytes()).await.unwrap();
        }
        stream.shutdown().await.unwrap();
    });
    while logs.appends.load(Ordering::Relaxed) < 3 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(!sender.is_finished(), "nobody read, but the sender is through");
    assert!(harness.all_logs().is_empty());
    logs.is_busy.store(false, Ordering::Relaxed);
    sender.await.unwrap();
    assert_eq!(harness.lines(LINES).await.len(), LINES, "each line once");
}
