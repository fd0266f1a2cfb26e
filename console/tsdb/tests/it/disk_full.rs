//! A disk that is really full: writes are refused for a while, and nothing that was acknowledged is lost.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use console_model::metric::Sample;
use console_storage::{
    AppendError,
    metrics::{SampleAppender, SeriesBatch},
};
use console_tsdb::{Tsdb, TsdbConfig};

use crate::{NOW, config, labels, samples};

const HOUR: i64 = 3_600_000;
const PER_BATCH: i64 = 2_000;

/// A small file system of its own; gone with the value.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Nothing where this user may not mount.
    fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new(xtask_programs::path("mount").unwrap());
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(dir.path());
        let done = mount.stdout(Stdio::null()).stderr(Stdio::null()).status();
        done.is_ok_and(|s| s.success()).then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn open(disk: &Disk) -> Tsdb {
    let config = TsdbConfig {
        retention_ms: 48 * HOUR,
        segment_bytes: 200_000,
        max_bytes: u64::MAX,
        ..config(&disk.path().join("metrics"))
    };
    Tsdb::open(config).unwrap()
}

/// Sample `i` of the one series lies `i` steps after 40 hours ago. Values that no compressor makes smaller.
fn sample(i: i64) -> Sample {
    let noise = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let v = f64::from_bits((noise ^ (noise >> 29)) >> 3 | 1 << 62);
    Sample { t_ms: NOW - 40 * HOUR + i * 100, v }
}

fn append(db: &Tsdb, number: i64) -> Result<u64, AppendError> {
    let samples = (number * PER_BATCH..(number + 1) * PER_BATCH).map(sample).collect();
    let (outcome, _) = db.append(&[SeriesBatch::floats(labels(&[("__name__", "full")]), samples)])?;
    Ok(outcome.accepted)
}

#[track_caller]
fn assert_holds(db: &Tsdb, batches: i64) {
    let wanted: Vec<(i64, f64)> =
        (0..batches * PER_BATCH).map(sample).map(|s| ((NOW - s.t_ms) / 1000, s.v)).collect();
    assert!(samples(db, "full") == wanted, "not the samples of {batches} batches");
    assert_eq!(db.stats().samples, wanted.len() as u64);
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_and_loses_nothing() {
    let Some(disk) = Disk::mount("8m") else {
        return xtask_programs::repeat_as_root_of_a_namespace(
            "disk_full::a_full_disk_refuses_writes_until_there_is_room_and_loses_nothing",
        );
    };
    let other = disk.path().join("somebody-else");
    fs::write(&other, vec![1; 3 << 20]).unwrap();
    let db = open(&disk);
    let mut stored = 0;
    let refused = loop {
        match append(&db, stored) {
            Ok(accepted) => assert_eq!(accepted, PER_BATCH as u64),
            Err(e) => break e,
        }
        stored += 1;
    };
    assert!(matches!(refused, AppendError::Busy { retry_after_s: 1.., .. }), "{refused:?}");
    assert!(stored > 50, "{stored} batches fit");
    for _ in 0..20 {
        assert!(matches!(append(&db, stored), Err(AppendError::Busy { .. })));
    }
    assert_holds(&db, stored);
    // No room for a block either: everything stays where it is.
    db.maintain(NOW);
    assert_holds(&db, stored);
    drop(db);
    let db = open(&disk);
    assert_holds(&db, stored);

    fs::remove_file(&other).unwrap();
    assert_eq!(append(&db, stored), Ok(PER_BATCH as u64));
    stored += 1;
    assert_holds(&db, stored);
    let before = db.stats();
    db.maintain(NOW);
    let after = db.stats();
    assert!(after.blocks > 0 && after.disk_bytes < before.disk_bytes, "{after:?}");
    assert_holds(&db, stored);
    assert_eq!(append(&db, stored), Ok(PER_BATCH as u64));
    drop(db);
    let db = open(&disk);
    assert_holds(&db, stored + 1);
    assert_eq!((db.stats().damaged_blocks, db.stats().damaged_records), (0, 0));
}
