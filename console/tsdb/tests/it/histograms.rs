//! Native histograms and exemplars: kept as they came, through restarts, blocks and merges.

use std::path::Path;

use console_model::{
    Matcher,
    histogram::{BucketCount, Histogram},
    metric::{Exemplar, HistogramSample, stale_nan},
};
use console_storage::metrics::{SampleAppender, SeriesBatch, SeriesReader};
use console_tsdb::{Tsdb, TsdbConfig, TsdbLimits};

use crate::{NOW, batch, config, labels, open, samples};

const MINUTE: i64 = 60_000;

fn histogram(n: i64) -> Histogram {
    Histogram {
        schema: 2,
        zero_threshold: 0.001,
        zero_count: 1.0,
        count: 3.0 * n as f64 + 1.0,
        sum: n as f64 / 3.0,
        positive: [(0, 2 * n), (3, n)].map(|(index, c)| BucketCount { index, count: c as f64 }).to_vec(),
        ..Histogram::default()
    }
}

/// Histograms of a series, `n` minutes before now each.
fn part(name: &str, ago: &[i64]) -> SeriesBatch {
    let one = |n: &i64| HistogramSample { t_ms: NOW - n * MINUTE, h: histogram(*n).into() };
    SeriesBatch {
        labels: labels(&[("__name__", name)]),
        histograms: ago.iter().map(one).collect(),
        ..SeriesBatch::default()
    }
}

/// Minutes before now of the histograms of a series, each checked.
fn stored(db: &Tsdb, name: &str) -> Vec<i64> {
    let found =
        db.select_points(&[Matcher::equal("__name__", name)], i64::MIN, i64::MAX, usize::MAX).unwrap();
    let all = found.iter().flat_map(|s| &s.histograms);
    all.map(|s| {
        let n = (NOW - s.t_ms) / MINUTE;
        assert_eq!(*s.h, histogram(n));
        n
    })
    .collect()
}

fn append(db: &Tsdb, part: SeriesBatch) -> (u64, u64, String) {
    let (outcome, reason) = db.append(&[part]).unwrap();
    (outcome.accepted, outcome.rejected, reason.map(|r| r.to_string()).unwrap_or_default())
}

fn long(dir: &Path) -> TsdbConfig {
    TsdbConfig { retention_ms: 48 * 60 * MINUTE, max_block_ms: 120 * MINUTE, ..config(dir) }
}

#[test]
fn histograms_survive_restart_flush_and_merge_beside_floats() {
    let dir = tempfile::tempdir().unwrap();
    let db = Tsdb::open(long(dir.path())).unwrap();
    let all: Vec<i64> = (0..600).rev().collect();
    for ago in &all {
        let float = batch(&[("__name__", "f")], &[(ago * 60, *ago as f64)]);
        let (outcome, _) = db.append(&[part("h", &[*ago]), float]).unwrap();
        assert_eq!(outcome.accepted, 2);
    }
    assert_eq!(stored(&db, "h"), all);
    drop(db);
    let db = Tsdb::open(long(dir.path())).unwrap();
    let stats = db.stats();
    assert!(stats.blocks > 1, "{stats:?}");
    assert_eq!((stats.samples, stats.series), (1_200, 2));
    assert_eq!(stored(&db, "h"), all);
    assert_eq!(samples(&db, "f").len(), 600);
    drop(db);
    let db = Tsdb::open(TsdbConfig { max_block_ms: 24 * 60 * MINUTE, ..long(dir.path()) }).unwrap();
    assert!(db.stats().blocks < stats.blocks);
    assert_eq!(stored(&db, "h"), all);
    let found =
        db.select_points(&[Matcher::equal("__name__", "h")], NOW - 90 * MINUTE, NOW - 80 * MINUTE, 11);
    assert_eq!(found.unwrap()[0].histograms.len(), 11);
    let over = db.select_points(&[Matcher::equal("__name__", "h")], NOW - 90 * MINUTE, NOW - 80 * MINUTE, 10);
    assert!(over.unwrap_err().to_string().contains("max_samples"));
}

#[test]
fn a_time_holds_one_point_of_either_kind() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    assert_eq!(append(&db, part("x", &[5, 3])), (2, 0, String::new()));
    // The same again is known, another one at the same time is not.
    assert_eq!(append(&db, part("x", &[3])), (1, 0, String::new()));
    let mut other = part("x", &[3]);
    other.histograms[0].h = histogram(4).into();
    let (accepted, rejected, reason) = append(&db, other);
    assert!((accepted, rejected) == (0, 1) && reason.contains("another value"), "{reason}");
    let (_, rejected, reason) = append(&db, batch(&[("__name__", "x")], &[(300, 1.0)]));
    assert!(rejected == 1 && reason.contains("another value"), "{reason}");
    // Late, between two others, and a float after them.
    assert_eq!(append(&db, part("x", &[4])), (1, 0, String::new()));
    assert_eq!(append(&db, batch(&[("__name__", "x")], &[(60, 1.0)])), (1, 0, String::new()));
    let mut stale = part("x", &[0]);
    stale.histograms[0].h = Histogram { sum: stale_nan(), ..Histogram::default() }.into();
    assert_eq!(append(&db, stale), (1, 0, String::new()));
    drop(db);
    let db = open(dir.path());
    let found = db.select_points(&[Matcher::equal("__name__", "x")], 0, i64::MAX, 100).unwrap();
    let times: Vec<i64> = found[0].histograms.iter().map(|h| (NOW - h.t_ms) / MINUTE).collect();
    assert_eq!(times, [5, 4, 3, 0]);
    assert_eq!(found[0].histograms[3].h.sum.to_bits(), stale_nan().to_bits());
    assert_eq!(samples(&db, "x"), [(60, 1.0)]);
}

#[test]
fn exemplars_come_back_once_in_order_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let limits = TsdbLimits { max_exemplars: 3, ..TsdbLimits::default() };
    let config = || TsdbConfig { limits: limits.clone(), ..config(dir.path()) };
    let db = Tsdb::open(config()).unwrap();
    let with = |ago: i64, exemplars: &[i64]| {
        let mut part = batch(&[("__name__", "x")], &[(ago, 1.0)]);
        let one = |n: &i64| Exemplar {
            labels: labels(&[("trace_id", &format!("{n:032x}"))]),
            value: *n as f64,
            t_ms: NOW - n * 1000,
        };
        part.exemplars = exemplars.iter().map(one).collect();
        part
    };
    let stored = |db: &Tsdb, selector: &str| -> Vec<i64> {
        let found = db.exemplars(&[vec![Matcher::equal("__name__", selector)]], 0, NOW).unwrap();
        found.iter().flat_map(|s| s.exemplars.iter().map(|e| e.value as i64)).collect()
    };
    db.append(&[with(20, &[22, 21])]).unwrap();
    // A scrape repeats the last one until there is a new one.
    db.append(&[with(15, &[21, 16])]).unwrap();
    assert_eq!(stored(&db, "x"), [22, 21, 16]);
    db.append(&[with(10, &[12])]).unwrap();
    assert_eq!((stored(&db, "x"), stored(&db, "y")), (vec![21, 16, 12], vec![]));
    // Of a series that is not there.
    let lost = SeriesBatch { samples: Vec::new(), labels: labels(&[("__name__", "y")]), ..with(5, &[5]) };
    let (outcome, _) = db.append(&[lost]).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected, db.stats().series), (0, 0, 1));
    drop(db);
    let db = Tsdb::open(config()).unwrap();
    assert_eq!((stored(&db, "x"), db.stats().exemplars), (vec![21, 16, 12], 3));
}
