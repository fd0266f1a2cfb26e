//! Writes of any shape into the metrics store: what memory shows, the log and the blocks show too.

use std::{path::Path, sync::Arc};

use console_ingest::remote_write::v1;
use console_model::{
    Labels,
    histogram::{BucketCount, Histogram},
    metric::HistogramSample,
};
use console_storage::metrics::{SampleAppender, SeriesBatch, SeriesReader};
use console_tsdb::{Tsdb, TsdbConfig};

use crate::{NOW_MS, remote_write::limits, runtime::scratch};

const HOUR: i64 = 3_600_000;

pub(crate) fn config(dir: &Path) -> TsdbConfig {
    TsdbConfig {
        clock: Arc::new(|| NOW_MS),
        segment_bytes: 2_000,
        retention_ms: 400 * HOUR,
        ..TsdbConfig::new(dir)
    }
}

fn open(dir: &Path) -> Tsdb {
    Tsdb::open(config(dir)).expect("the store's own files can be opened")
}

/// Stores what a request of remote write 1.0 has.
pub(crate) fn append(db: &Tsdb, request: &[u8]) {
    let Ok(collected) = v1::collect(request, &limits()) else { return };
    let points: usize = collected.batches.iter().map(SeriesBatch::points).sum();
    match db.append(&collected.batches) {
        Ok((outcome, reason)) => {
            assert_eq!(outcome.accepted + outcome.rejected, points as u64);
            assert_eq!(outcome.rejected > 0, reason.is_some(), "{reason:?}");
        }
        Err(e) => panic!("a folder in memory refuses a write: {e}"),
    }
}

/// A series of native histograms, late and new ones, whole and broken counts.
pub(crate) fn native(db: &Tsdb) {
    let h = |n: f64| Histogram {
        schema: 2,
        count: 2.0 * n,
        positive: vec![BucketCount { index: 1, count: n }],
        ..Histogram::default()
    };
    let at = |ago: i64, n: f64| HistogramSample { t_ms: NOW_MS - ago, h: h(n).into() };
    let batch = SeriesBatch {
        labels: Labels::from_pairs([("__name__", "native"), ("job", "shop")]),
        histograms: vec![at(45_000, 1.0), at(30_000, 2.5), at(15_000, 4.0), at(0, 9.0)],
        ..SeriesBatch::default()
    };
    let (outcome, _) = db.append(&[batch]).expect("the folder can be written");
    assert_eq!(outcome.accepted, 4);
}

/// Every point, bit by bit.
fn all(db: &Tsdb) -> Vec<String> {
    let found = db.select_points(&[], i64::MIN, i64::MAX, usize::MAX).expect("no limit is met");
    let mut out = Vec::new();
    for s in found {
        out.extend(s.samples.iter().map(|p| format!("{} {} {:016x}", s.labels, p.t_ms, p.v.to_bits())));
        out.extend(s.histograms.iter().map(|p| format!("{} {} {:?}", s.labels, p.t_ms, p.h)));
    }
    out
}

pub fn append_body(data: &[u8]) {
    let dir = scratch();
    let db = open(dir.path());
    append(&db, data);
    native(&db);
    // The same again changes nothing.
    let before = all(&db);
    append(&db, data);
    assert_eq!(all(&db), before, "written twice");
    drop(db);
    let db = open(dir.path());
    assert_eq!((all(&db), db.stats().damaged_records), (before.clone(), 0), "read from the log");
    db.maintain(NOW_MS + 6 * HOUR);
    assert_eq!(all(&db), before, "read from blocks");
    assert_eq!(db.stats().samples, before.len() as u64);
    drop(db);
    let db = open(dir.path());
    assert_eq!((all(&db), db.stats().samples), (before.clone(), before.len() as u64), "opened with blocks");
}
