//! The log of metrics: its records, and its segments.

use std::fs;

use console_blockkit::{Wal, WalConfig, record::seal};
use console_model::{
    Labels,
    histogram::{BucketCount, Histogram},
    metric::{Exemplar, HistogramSample, MetricKind, MetricMetadata, Sample, stale_nan},
};
use console_tsdb::{
    chunk::histogram,
    record::{Record, SeriesRecord},
};

use crate::{NOW_MS, runtime::scratch};

const VERSION: u8 = 1;
const MAGIC: [u8; 8] = *b"QDWAL\0\0\x01";
const CONFIG: WalConfig = WalConfig { segment_bytes: u64::MAX, max_record_bytes: 1 << 20 };

/// What decodes can be written again and is the same then. The bytes count as a record and as the payload of one.
pub fn record_body(data: &[u8]) {
    for bytes in [data.to_vec(), seal(VERSION, data)] {
        let Ok(record) = Record::decode(&bytes) else { continue };
        let written = record.encode();
        let again =
            Record::decode(&written).unwrap_or_else(|e| panic!("what was written does not decode: {e}"));
        // NaN is not equal to itself: the debug form shows all else, the bytes every bit.
        assert_eq!(format!("{record:?}"), format!("{again:?}"));
        assert_eq!(written, again.encode());
    }
    if let Ok(samples) = histogram::decode(data) {
        let written = histogram::encode(&samples);
        let again =
            histogram::decode(&written).unwrap_or_else(|e| panic!("what was written does not decode: {e}"));
        assert_eq!(format!("{samples:?}"), format!("{again:?}"));
        assert_eq!(written, histogram::encode(&again));
    }
}

/// Whatever a segment holds, the log opens, takes a record, and has it and all it showed before when it opens again.
pub fn segment_body(data: &[u8]) {
    let dir = scratch();
    let path = dir.path().join("0000000000000001.wal");
    fs::write(&path, [&MAGIC, data].concat()).expect("the folder can be written");
    let open = || {
        let mut seen = Vec::new();
        let opened = Wal::open(dir.path(), CONFIG, &mut |_, bytes| seen.push(bytes.to_vec()));
        (opened.expect("damage behind the header is repaired").0, seen)
    };
    let (wal, mut seen) = open();
    assert!(seen.iter().map(|r| r.len() + 8).sum::<usize>() <= data.len());
    wal.append(b"one more").expect("the folder can be written");
    seen.push(b"one more".to_vec());
    drop(wal);
    assert_eq!(open().1, seen);
}

fn records() -> Vec<Record> {
    let labels = Labels::from_pairs([("__name__", "up"), ("job", "orders")]);
    let at = |t_ms, v| Sample { t_ms, v };
    let first = SeriesRecord {
        labels: Some(labels.clone()),
        samples: vec![at(NOW_MS, 1.5), at(NOW_MS + 15_000, -0.0), at(NOW_MS + 30_000, stale_nan())],
        ..SeriesRecord::default()
    };
    let second = SeriesRecord { number: 7, samples: vec![at(-5, f64::INFINITY)], ..SeriesRecord::default() };
    let h = |n: f64| Histogram {
        schema: 3,
        count: 3.0 * n,
        sum: 0.5,
        positive: vec![BucketCount { index: -3, count: n }, BucketCount { index: 9, count: 2.0 * n }],
        ..Histogram::default()
    };
    let histograms = [1.0, 4.0, 0.5].map(|n| HistogramSample { t_ms: NOW_MS + n as i64, h: h(n).into() });
    let third = SeriesRecord {
        number: 8,
        histograms: histograms.to_vec(),
        exemplars: vec![Exemplar { labels, value: 0.25, t_ms: NOW_MS - 1 }],
        ..SeriesRecord::default()
    };
    let metadata =
        |kind| MetricMetadata { metric: "up".into(), kind, help: "is it".into(), unit: String::new() };
    vec![
        Record::Series(vec![first.clone(), second.clone()]),
        Record::Series(vec![first, second, third]),
        Record::Metadata(vec![metadata(MetricKind::Gauge), metadata(MetricKind::StateSet)]),
        Record::Series(Vec::new()),
    ]
}

/// Records, their payloads alone, and a chunk of histograms.
pub fn record_seeds() -> Vec<Vec<u8>> {
    let sealed: Vec<Vec<u8>> = records().iter().map(Record::encode).collect();
    let payload = |r: &Vec<u8>| console_blockkit::record::open(r, 1 << 20).map(|(_, payload)| payload).ok();
    let mut out: Vec<_> = sealed.iter().filter_map(payload).collect();
    for record in &records() {
        let Record::Series(series) = record else { continue };
        out.extend(series.iter().map(|s| histogram::encode(&s.histograms)).filter(|b| !b.is_empty()));
    }
    out.extend(sealed);
    out
}

/// Segments without their header.
pub fn segment_seeds() -> Vec<Vec<u8>> {
    let dir = scratch();
    let (wal, _) = Wal::open(dir.path(), CONFIG, &mut |_, _| {}).expect("an empty folder can be opened");
    let mut out = vec![Vec::new()];
    for record in records().iter().map(Record::encode).chain([vec![0; 300], Vec::new()]) {
        wal.append(&record).expect("the folder can be written");
        let bytes = fs::read(dir.path().join("0000000000000001.wal")).expect("the segment is there");
        out.push(bytes[MAGIC.len()..].to_vec());
    }
    out
}
