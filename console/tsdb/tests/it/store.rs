//! Writing and reading.

use console_model::{
    MatchOp, Matcher, TimeRange,
    metric::{MetricKind, MetricMetadata, STALE_NAN_BITS, stale_nan},
};
use console_storage::{
    StorageError,
    metrics::{SampleAppender, SeriesReader},
};

use crate::{NOW, batch, labels, matcher, open, samples};

fn range() -> TimeRange {
    TimeRange { start_ms: NOW - 3_600_000, end_ms: NOW + 1 }
}

#[test]
fn samples_come_back_in_order_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<(i64, f64)> = (0..1000).rev().map(|i| (i, f64::from(i as u32) / 3.0)).collect();
    let db = open(dir.path());
    for part in all.chunks(7) {
        let (outcome, reason) = db.append(&[batch(&[("__name__", "x")], part)]).unwrap();
        assert_eq!((outcome.accepted, outcome.rejected, reason), (part.len() as u64, 0, None));
    }
    assert_eq!(samples(&db, "x"), all);
    drop(db);
    let db = open(dir.path());
    assert_eq!(samples(&db, "x"), all);
    assert_eq!(db.stats().samples, 1000);
}

#[test]
fn late_samples_are_merged_and_duplicates_judged_by_value() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    let name = [("__name__", "x")];
    db.append(&[batch(&name, &[(100, 1.0), (50, 2.0)])]).unwrap();
    let (outcome, reason) =
        db.append(&[batch(&name, &[(75, 3.0), (50, 2.0), (100, 9.0), (75, 3.0), (75, 4.0)])]).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (3, 2));
    assert!(reason.unwrap().to_string().contains("another value"));
    assert_eq!(samples(&db, "x"), [(100, 1.0), (75, 3.0), (50, 2.0)]);
    drop(db);
    let db = open(dir.path());
    assert_eq!(samples(&db, "x"), [(100, 1.0), (75, 3.0), (50, 2.0)]);
}

#[test]
fn many_late_samples_stay_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    let name = [("__name__", "x")];
    db.append(&[batch(&name, &[(0, 0.0)])]).unwrap();
    // Every third of an hour, in a scattered order.
    for i in 0..700i64 {
        let ago = 1 + (i * 331) % 701;
        db.append(&[batch(&name, &[(ago, ago as f64)])]).unwrap();
    }
    let found = samples(&db, "x");
    assert_eq!(found.len(), 701);
    assert!(found.windows(2).all(|w| w[0].0 > w[1].0));
    assert!(found.iter().all(|(ago, v)| *ago as f64 == *v));
}

#[test]
fn staleness_markers_keep_their_bits() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    db.append(&[batch(&[("__name__", "x")], &[(10, 1.0), (5, stale_nan())])]).unwrap();
    drop(db);
    let db = open(dir.path());
    let found = samples(&db, "x");
    assert_eq!(found[1].1.to_bits(), STALE_NAN_BITS);
    let (outcome, _) = db.append(&[batch(&[("__name__", "x")], &[(5, stale_nan())])]).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (1, 0));
}

#[test]
fn matchers_select_as_prometheus_does() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    let series: [&[(&str, &str)]; 4] = [
        &[("__name__", "up"), ("job", "orders"), ("instance", "a")],
        &[("__name__", "up"), ("job", "orders"), ("instance", "b")],
        &[("__name__", "up"), ("job", "payments")],
        &[("__name__", "down"), ("job", "orders")],
    ];
    let all: Vec<_> = series.iter().map(|s| batch(s, &[(1, 1.0)])).collect();
    db.append(&all).unwrap();
    let count = |matchers: &[Matcher]| db.series(matchers, range(), 0).unwrap().len();
    let m = matcher;
    assert_eq!(count(&[]), 4);
    assert_eq!(count(&[m("__name__", MatchOp::Equal, "up")]), 3);
    assert_eq!(count(&[m("__name__", MatchOp::Equal, "up"), m("job", MatchOp::NotEqual, "orders")]), 1);
    assert_eq!(count(&[m("instance", MatchOp::Equal, "")]), 2);
    assert_eq!(count(&[m("instance", MatchOp::NotEqual, "")]), 2);
    assert_eq!(count(&[m("instance", MatchOp::Regex, "a|")]), 3);
    assert_eq!(count(&[m("job", MatchOp::Regex, "ord.*"), m("instance", MatchOp::NotRegex, "[a]")]), 2);
    assert_eq!(count(&[m("job", MatchOp::Regex, "rder")]), 0);
    assert_eq!(count(&[m("nope", MatchOp::Regex, ".+")]), 0);
    assert_eq!(db.label_names(&[], range(), 0).unwrap(), ["__name__", "instance", "job"]);
    assert_eq!(db.label_values("job", &[], range(), 0).unwrap(), ["orders", "payments"]);
    assert_eq!(db.label_values("job", &[], range(), 1).unwrap(), ["orders"]);
    let before = TimeRange { start_ms: 0, end_ms: NOW - 1000 };
    assert!(db.series(&[], before, 0).unwrap().is_empty());
    let bad = db.select(&[m("a", MatchOp::Regex, "(")], 0, 1, 1).unwrap_err();
    assert!(matches!(bad, StorageError::InvalidMatcher(_)), "{bad}");
}

#[test]
fn a_read_over_the_limit_of_samples_fails() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    db.append(&[batch(&[("__name__", "x")], &[(3, 1.0), (2, 1.0), (1, 1.0)])]).unwrap();
    let read = |max| db.select(&[], i64::MIN, i64::MAX, max);
    assert_eq!(read(3).unwrap()[0].samples.len(), 3);
    assert!(matches!(read(2), Err(StorageError::Limit(_))));
}

#[test]
fn select_is_inclusive_at_both_ends() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    db.append(&[batch(&[("__name__", "x")], &[(3, 3.0), (2, 2.0), (1, 1.0)])]).unwrap();
    let found = db.select(&[], NOW - 3000, NOW - 2000, 10).unwrap();
    assert_eq!(found[0].samples.len(), 2);
}

#[test]
fn metadata_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    let up = MetricMetadata {
        metric: "up".into(),
        kind: MetricKind::Gauge,
        help: "is it up".into(),
        unit: String::new(),
    };
    db.put_metadata(std::slice::from_ref(&up)).unwrap();
    db.put_metadata(std::slice::from_ref(&up)).unwrap();
    drop(db);
    let db = open(dir.path());
    assert_eq!(db.metadata(Some("up"), 0).unwrap(), [up]);
    assert!(db.metadata(Some("down"), 0).unwrap().is_empty());
}

#[test]
fn reading_goes_on_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let db = &db;
            scope.spawn(move || {
                let name = writer.to_string();
                for i in (0..200).rev() {
                    db.append(&[batch(&[("__name__", "x"), ("w", &name)], &[(i, i as f64)])]).unwrap();
                }
            });
        }
        for _ in 0..50 {
            let found = db.select(&[Matcher::equal("__name__", "x")], 0, i64::MAX, 1000).unwrap();
            assert!(found.iter().all(|s| s.samples.windows(2).all(|w| w[0].t_ms < w[1].t_ms)));
        }
    });
    assert_eq!(db.stats().samples, 800);
    assert_eq!(db.series(&[], range(), 0).unwrap()[0], labels(&[("__name__", "x"), ("w", "0")]));
}
