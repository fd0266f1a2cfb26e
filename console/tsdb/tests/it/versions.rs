//! Logs that other releases wrote.

use std::{fs, path::Path};

use console_blockkit::{Wal, WalConfig};
use console_model::{
    Matcher,
    histogram::Histogram,
    metric::{HistogramSample, MetricKind, Sample},
};
use console_storage::metrics::{SampleAppender, SeriesBatch, SeriesReader};
use console_tsdb::{OpenError, Tsdb, TsdbConfig};

use crate::{NOW, config, labels};

const FIRST: i64 = NOW - 600_000;

fn at(i: i64) -> i64 {
    FIRST + i * 15_000
}

/// Three segments of version 1: scrapes of five series, a series of many samples, one of native histograms with
/// exemplars, and a late sample.
fn log_of_version_1(dir: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/log-v1");
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.join(path.file_name().unwrap())).unwrap();
    }
}

/// Samples of the series with a value of `n`.
fn floats(db: &Tsdb, n: &str) -> Vec<(i64, f64)> {
    let found = db.select(&[Matcher::equal("n", n)], i64::MIN, i64::MAX, usize::MAX).unwrap();
    assert_eq!(found.len(), 1);
    found[0].samples.iter().map(|s| (s.t_ms, s.v)).collect()
}

fn assert_holds_version_1(db: &Tsdb) {
    let scraped = |n: i64| (0..8).map(move |i| (at(i), (i * 10 + n) as f64 / 4.0));
    let late = std::iter::once((FIRST - 5_000, 77.0));
    assert_eq!(floats(db, "0"), late.chain(scraped(0)).collect::<Vec<_>>());
    for n in 1..5 {
        assert_eq!(floats(db, &n.to_string()), scraped(n).collect::<Vec<_>>());
    }
    assert_eq!(floats(db, "many"), (0..20).map(|i| (at(i), -0.5 * i as f64)).collect::<Vec<_>>());
    let native = [Matcher::equal("n", "native")];
    let found = db.select_points(&native, i64::MIN, i64::MAX, usize::MAX).unwrap();
    let counts: Vec<(i64, f64)> = found[0].histograms.iter().map(|h| (h.t_ms, h.h.count)).collect();
    assert_eq!(counts, (0..4).map(|i| (at(i), (i + 1) as f64)).collect::<Vec<_>>());
    let exemplars = db.exemplars(&[native.to_vec()], i64::MIN, i64::MAX).unwrap();
    let traces: Vec<_> = exemplars[0].exemplars.iter().map(|e| e.labels.get("trace_id").unwrap()).collect();
    assert_eq!(traces, ["t0", "t1", "t2", "t3"]);
    let metadata = db.metadata(Some("up"), 10).unwrap();
    assert_eq!((metadata[0].kind, metadata[0].help.as_str()), (MetricKind::Gauge, "is it"));
}

#[test]
fn a_log_of_version_1_is_read_and_goes_on_in_this_one() {
    let dir = tempfile::tempdir().unwrap();
    log_of_version_1(dir.path());
    // What follows stands in the same segment, under the numbers that it declared.
    let whole = || TsdbConfig { segment_bytes: 1 << 20, ..config(dir.path()) };
    let db = Tsdb::open(whole()).unwrap();
    assert_holds_version_1(&db);
    let segments = db.stats().segments;
    let pairs = [("__name__", "x"), ("n", "0")];
    let one = |v| vec![SeriesBatch::floats(labels(&pairs), vec![Sample { t_ms: NOW, v }])];
    db.append(&one(5.0)).unwrap();
    drop(db);
    let db = Tsdb::open(whole()).unwrap();
    assert_eq!((db.stats().segments, db.stats().damaged_records), (segments, 0));
    let found = floats(&db, "0");
    assert_eq!((found.len(), found[9]), (10, (NOW, 5.0)));
    assert_eq!(floats(&db, "1").len(), 8);
}

#[test]
fn a_log_of_a_newer_version_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let config_of_log = WalConfig { segment_bytes: 1 << 20, max_record_bytes: 1 << 20 };
    let (wal, _) = Wal::open(dir.path(), config_of_log, &mut |_, _| {}).unwrap();
    // A sealed record: version, as it is, length of the payload.
    wal.append(&[3, 0, 1, 0, 0, 0, 9]).unwrap();
    drop(wal);
    let segment = dir.path().join("0000000000000001.wal");
    let before = fs::read(&segment).unwrap();
    let Err(error) = Tsdb::open(config(dir.path())) else { panic!("it was opened") };
    assert!(matches!(error, OpenError::Newer { .. }));
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(
        format!("{error}: {cause}"),
        "segment 1 of the log of metrics is of another release: version 3 is newer than this release"
    );
    assert_eq!(fs::read(&segment).unwrap(), before);
}

/// Replay regroups what it reads by series: in whatever shape writes come, what is read again is what was there.
#[test]
fn writes_of_every_shape_are_replayed_as_they_were() {
    const SERIES: i64 = 700;
    let dir = tempfile::tempdir().unwrap();
    let small = || TsdbConfig { segment_bytes: 30_000, ..config(dir.path()) };
    let db = Tsdb::open(small()).unwrap();
    let name = |n: i64| labels(&[("__name__", "x"), ("n", &n.to_string())]);
    let value = |n: i64, i: i64| if n % 3 == 0 { (n * i) as f64 } else { (n * i) as f64 / 7.0 };
    for i in 0..40 {
        let one = |n: i64, shift: i64| {
            SeriesBatch::floats(name(n), vec![Sample { t_ms: at(i) + shift, v: value(n, i) }])
        };
        let batch: Vec<SeriesBatch> = match i % 6 {
            // Neighbours in order, backwards, each third, and at several times.
            0 => (0..SERIES).map(|n| one(n, 0)).collect(),
            1 => (0..SERIES).rev().map(|n| one(n, 0)).collect(),
            2 => (0..SERIES).step_by(3).map(|n| one(n, 0)).collect(),
            3 => (0..SERIES).map(|n| one(n, n % 2)).collect(),
            // Native histograms among them.
            5 => {
                let native = |n: i64| n % 50 == 7;
                let h = Histogram { count: i as f64, sum: 0.5, ..Histogram::default() };
                let histograms = vec![HistogramSample { t_ms: at(i), h: h.into() }];
                let only = |n| SeriesBatch {
                    labels: name(n + 10_000),
                    histograms: histograms.clone(),
                    ..SeriesBatch::default()
                };
                (0..SERIES).map(|n| if native(n) { only(n) } else { one(n, 0) }).collect()
            }
            // Several samples of some, and a series that comes only now.
            _ => (0..SERIES + i)
                .map(|n| {
                    let mut some = one(n, 0);
                    let more = (1..=n % 3).map(|k| Sample { t_ms: some.samples[0].t_ms + k, v: k as f64 });
                    some.samples.extend(more.collect::<Vec<_>>());
                    some
                })
                .collect(),
        };
        let outcome = db.append(&batch).unwrap();
        assert_eq!(outcome.1, None);
    }
    let all = |db: &Tsdb| {
        let mut found = db.select_points(&[], i64::MIN, i64::MAX, usize::MAX).unwrap();
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        found
    };
    let before = all(&db);
    let stats = db.stats();
    assert!(before.len() > SERIES as usize && stats.segments > 5, "{stats:?}");
    drop(db);
    let db = Tsdb::open(small()).unwrap();
    assert!(all(&db) == before);
    assert_eq!((db.stats().samples, db.stats().series), (stats.samples, stats.series));
}
