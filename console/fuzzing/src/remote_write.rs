//! Remote write 1.0 and 2.0, as they are after decompression, and as a whole in snappy.

use bytes::Bytes;
use console_ingest::{
    IngestLimits,
    body::{Encoding, decompress},
    remote_write::{Collected, v1, v2},
};
use console_model::metric::stale_nan;

use crate::{NOW_MS, wire::Message};

pub(crate) fn limits() -> IngestLimits {
    IngestLimits { max_decompressed_bytes: 1 << 20, ..IngestLimits::default() }
}

/// What a request comes to is sorted, named, and not more than its bytes can hold.
fn check(collected: &Collected, data: &[u8], limits: &IngestLimits) {
    let mut points = 0;
    for batch in &collected.batches {
        points += batch.points();
        assert!(!batch.labels.is_empty() && batch.labels.len() <= limits.max_labels, "{}", batch.labels);
        let names: Vec<&str> = batch.labels.iter().map(|l| &*l.name).collect();
        assert!(names.is_sorted() && names.iter().all(|n| !n.is_empty()), "{names:?}");
        assert!(batch.samples.is_sorted_by_key(|s| s.t_ms));
        assert!(batch.histograms.is_sorted_by_key(|h| h.t_ms));
    }
    assert!(
        points <= data.len() && points <= limits.max_items_per_request,
        "{points} of {} bytes",
        data.len()
    );
}

pub fn v1_body(data: &[u8]) {
    let limits = limits();
    if let Ok(collected) = v1::collect(data, &limits) {
        check(&collected, data, &limits);
    }
    let _ = decompress(Encoding::Snappy, Bytes::copy_from_slice(data), &limits);
}

pub fn v2_body(data: &[u8]) {
    let limits = limits();
    if let Ok(collected) = v2::collect(data, &limits) {
        check(&collected, data, &limits);
    }
    let _ = decompress(Encoding::Zstd, Bytes::copy_from_slice(data), &limits);
}

fn label(name: &str, value: &str) -> Message {
    Message::default().text(1, name).text(2, value)
}

fn sample(v: f64, t_ms: i64) -> Message {
    Message::default().double(1, v).varint(2, t_ms)
}

/// `prometheus.Histogram` and `io.prometheus.write.v2.Histogram`, which differ in nothing that matters here.
fn histogram(t_ms: i64) -> Message {
    let span = |offset: i64, length: i64| Message::default().varint(1, offset << 1).varint(2, length);
    Message::default()
        .varint(1, 6)
        .double(3, 2.5)
        .varint(4, 3 << 1)
        .double(5, 1e-128)
        .varint(6, 1)
        .message(11, span(0, 2))
        .message(11, span(1, 1))
        .bytes(12, &[2, 4, 1])
        .varint(14, 2)
        .varint(15, t_ms)
}

fn exemplar1(t_ms: i64) -> Message {
    Message::default().message(1, label("trace_id", "abc")).double(2, 0.25).varint(3, t_ms)
}

pub fn v1_seeds() -> Vec<Vec<u8>> {
    let name = |n: &str| Message::default().message(1, label("__name__", n)).message(1, label("job", "shop"));
    let floats = (0..3).fold(name("a_total"), |m, i| {
        m.message(2, sample(f64::from(i), NOW_MS - 30_000 + 15_000 * i64::from(i)))
    });
    let stale = name("gone").message(2, sample(stale_nan(), NOW_MS)).message(3, exemplar1(NOW_MS));
    let native = name("latency").message(4, histogram(NOW_MS - 15_000)).message(4, histogram(NOW_MS));
    let late = name("a_total").message(2, sample(0.5, NOW_MS - 40_000));
    let metadata = Message::default().varint(1, 1).text(2, "a_total").text(4, "All of a.").text(5, "s");
    let all = Message::default()
        .message(1, floats.clone())
        .message(1, stale)
        .message(1, native)
        .message(1, late)
        .message(3, metadata);
    let edge = name("edge").message(2, sample(f64::MAX, i64::MAX)).message(2, sample(-0.0, i64::MIN));
    vec![Message::default().message(1, floats).0, all.0, Message::default().message(1, edge).0, Vec::new()]
}

pub fn v2_seeds() -> Vec<Vec<u8>> {
    let symbols = ["", "__name__", "a_total", "job", "shop", "All of a.", "trace_id", "abc"];
    let table = |m: Message| symbols.iter().fold(m, |m, s| m.text(4, s));
    let refs = |r: &[u8]| Message::default().bytes(1, r);
    let exemplar = Message::default().bytes(1, &[6, 7]).double(2, 0.5).varint(3, NOW_MS);
    let metadata = Message::default().varint(1, 1).varint(3, 5).varint(4, 0);
    let floats = refs(&[1, 2, 3, 4])
        .message(2, sample(1.0, NOW_MS - 15_000))
        .message(2, sample(2.0, NOW_MS))
        .message(4, exemplar)
        .message(5, metadata)
        .varint(6, NOW_MS - 60_000);
    let native = refs(&[1, 4]).message(3, histogram(NOW_MS));
    vec![
        table(Message::default()).message(5, floats.clone()).0,
        table(Message::default().message(5, floats)).message(5, native).0,
        table(Message::default()).message(5, refs(&[1, 99]).message(2, sample(1.0, NOW_MS))).0,
        Vec::new(),
    ]
}
