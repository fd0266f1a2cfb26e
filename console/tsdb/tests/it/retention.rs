//! Old segments go; what stays can still be read.

use std::sync::Arc;

use console_blockkit::RetentionClock;
use console_storage::metrics::{SampleAppender, SeriesReader};
use console_tsdb::{Tsdb, TsdbConfig};

use crate::{NOW, batch, config, open, samples};

const HOUR: i64 = 3_600_000;

fn fill(db: &Tsdb) {
    for ago in (0..6 * 60i64).rev().map(|minute| minute * 60) {
        let names: Vec<String> = (0..20).map(|n| format!("m{n}")).collect();
        let all: Vec<_> =
            names.iter().map(|n| batch(&[("__name__", n)], &[(ago, (ago % 977) as f64 * 1.1)])).collect();
        db.append(&all).unwrap();
    }
}

#[test]
fn age_drops_segments_and_memory_and_a_restart_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let small = || TsdbConfig { segment_bytes: 8_000, ..config(dir.path()) };
    let db = Tsdb::open(small()).unwrap();
    fill(&db);
    let before = db.stats();
    db.maintain(NOW + 3 * HOUR);
    let after = db.stats();
    assert_eq!(after.segments + after.flushed_segments + after.dropped_segments, 1 + after.begun_segments);
    assert!(after.dropped_segments > 2 && after.disk_bytes < before.disk_bytes * 2 / 3, "{after:?}");
    assert!(after.samples <= before.samples * 2 / 3, "{after:?}");
    let kept = samples(&db, "m7");
    // Chunks go as a whole: at most two hours more than asked.
    assert!(kept[0].0 >= 3 * 3600 - 60 && kept[0].0 <= 5 * 3600 + 60, "{:?}", kept[0]);
    drop(db);
    let db = Tsdb::open(small()).unwrap();
    let again = samples(&db, "m7");
    assert_eq!(again.last(), kept.last());
    assert!(again.len() >= 3 * 60, "{}", again.len());
    assert_eq!(db.stats().damaged_records, 0);
}

#[test]
fn a_clock_that_jumps_ahead_drops_no_samples_and_refuses_none() {
    let dir = tempfile::tempdir().unwrap();
    let jumping = TsdbConfig {
        retention_clock: Arc::new(RetentionClock::guarded(HOUR, Some(NOW))),
        clock: Arc::new(|| NOW + 1000 * HOUR),
        ..config(dir.path())
    };
    let db = Tsdb::open(jumping).unwrap();
    fill(&db);
    let before = samples(&db, "m7");
    db.maintain(NOW + 1000 * HOUR);
    assert_eq!((samples(&db, "m7"), before.len()), (before, 6 * 60));
}

#[test]
fn bytes_drop_the_oldest_segments() {
    let dir = tempfile::tempdir().unwrap();
    let tight = TsdbConfig { max_bytes: 20_000, segment_bytes: 4_000, ..config(dir.path()) };
    let db = Tsdb::open(tight).unwrap();
    fill(&db);
    db.maintain(NOW);
    let stats = db.stats();
    assert!(stats.disk_bytes <= 20_000 && stats.dropped_segments > 0, "{stats:?}");
    let found = samples(&db, "m3");
    assert_eq!(found.last().unwrap().0, 0);
    assert!(found[0].0 < 6 * 3600 - 60);
}

#[test]
fn series_without_samples_leave_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    db.append(&[batch(&[("__name__", "old")], &[(5 * 3600, 1.0)])]).unwrap();
    db.append(&[batch(&[("__name__", "new")], &[(0, 1.0)])]).unwrap();
    db.maintain(NOW + 2 * HOUR);
    assert_eq!(db.stats().series, 1);
    let range = console_model::TimeRange { start_ms: 0, end_ms: i64::MAX };
    assert_eq!(db.label_values("__name__", &[], range, 0).unwrap(), ["new"]);
    // It may come back.
    db.append(&[batch(&[("__name__", "old")], &[(0, 2.0)])]).unwrap();
    assert_eq!(samples(&db, "old"), [(0, 2.0)]);
}
