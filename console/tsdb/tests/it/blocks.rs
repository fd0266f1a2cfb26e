//! Blocks on disk: what leaves memory can still be read, once, whatever happens on the way.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use console_model::{
    MatchOp, Matcher, TimeRange,
    metric::{STALE_NAN_BITS, Sample},
};
use console_storage::metrics::{SampleAppender, SeriesBatch, SeriesReader};
use console_tsdb::{
    Tsdb, TsdbConfig,
    block::{BlockProbe, BlockStep},
};
use parking_lot::Mutex;
use proptest::prelude::*;

use crate::{NOW, batch, config, labels, matcher, samples};

const HOUR: i64 = 3_600_000;

fn long(dir: &Path) -> TsdbConfig {
    TsdbConfig { retention_ms: 48 * HOUR, ..config(dir) }
}

/// Two series, a sample a minute for `hours` hours until now.
fn fill(db: &Tsdb, hours: i64) {
    for ago in (0..hours * 60).rev().map(|minute| minute * 60) {
        let of = |n: &'static str| batch(&[("__name__", n), ("job", "shop")], &[(ago, ago as f64 / 7.0)]);
        let (outcome, _) = db.append(&[of("a"), of("b")]).unwrap();
        assert_eq!(outcome.accepted, 2);
    }
}

fn expected(hours: i64) -> Vec<(i64, f64)> {
    (0..hours * 60).rev().map(|minute| (minute * 60, (minute * 60) as f64 / 7.0)).collect()
}

fn block_files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(dir.join("blocks")).unwrap().map(|e| e.unwrap().path());
    let mut found: Vec<PathBuf> = all.filter(|p| p.extension().is_some_and(|e| e == extension)).collect();
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn names_and_values_of_all_series_are_those_of_a_matcher_that_matches_all() {
    let dir = tempfile::tempdir().unwrap();
    let db = Tsdb::open(long(dir.path())).unwrap();
    fill(&db, 8);
    db.append(&[batch(&[("__name__", "late"), ("job", "shop"), ("zone", "b")], &[(7 * 3600, 1.0)])]).unwrap();
    db.append(&[batch(&[("__name__", "new"), ("job", "shop"), ("zone", "a")], &[(1, 1.0)])]).unwrap();
    db.maintain(NOW);
    let all = [matcher("job", MatchOp::Equal, "shop")];
    for (from, to) in
        [(0, NOW + 1), (NOW - 8 * HOUR, NOW - 6 * HOUR), (NOW - 2 * HOUR, NOW - HOUR), (NOW, NOW + HOUR)]
    {
        let range = TimeRange { start_ms: from, end_ms: to };
        assert_eq!(db.label_names(&[], range, 0), db.label_names(&all, range, 0), "{range:?}");
        for name in ["__name__", "zone", "job", "none"] {
            let plain = db.label_values(name, &[], range, 0).unwrap();
            assert_eq!(plain, db.label_values(name, &all, range, 0).unwrap(), "{name} {range:?}");
        }
    }
    let everything = TimeRange { start_ms: 0, end_ms: NOW + 1 };
    assert_eq!(db.label_values("zone", &[], everything, 0).unwrap(), ["a", "b"]);
    assert_eq!(db.label_values("zone", &[], everything, 1).unwrap(), ["a"]);
}

#[test]
fn queries_span_memory_and_blocks_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let db = Tsdb::open(TsdbConfig { segment_bytes: 4_000, ..long(dir.path()) }).unwrap();
    fill(&db, 8);
    let before = db.stats();
    db.maintain(NOW);
    let check = |db: &Tsdb| {
        let stats = db.stats();
        assert!(stats.blocks >= 2 && stats.block_bytes > 0, "{stats:?}");
        assert!(
            stats.memory_bytes < before.memory_bytes && stats.disk_bytes < before.disk_bytes,
            "{stats:?}"
        );
        assert_eq!((stats.samples, stats.series), (960, 2));
        assert_eq!(samples(db, "a"), expected(8));
        let found = db
            .select(&[matcher("__name__", MatchOp::Regex, "a|b")], NOW - 3 * HOUR, NOW - 2 * HOUR, 1000)
            .unwrap();
        assert_eq!(found.iter().map(|s| s.samples.len()).collect::<Vec<_>>(), [61, 61]);
        let over = db.select(&[], i64::MIN, i64::MAX, 959).unwrap_err();
        assert!(over.to_string().contains("max_samples"));
        assert_eq!(db.select(&[], i64::MIN, i64::MAX, 960).unwrap().len(), 2);
    };
    check(&db);
    drop(db);
    check(&Tsdb::open(long(dir.path())).unwrap());
}

#[test]
fn series_that_are_only_in_blocks_match_as_those_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let db = Tsdb::open(config(dir.path())).unwrap();
    let series: [&[(&str, &str)]; 4] = [
        &[("__name__", "up"), ("job", "orders"), ("instance", "a")],
        &[("__name__", "up"), ("job", "orders"), ("instance", "b")],
        &[("__name__", "up"), ("job", "payments")],
        &[("__name__", "down"), ("job", "orders")],
    ];
    let all: Vec<_> = series.iter().map(|s| batch(s, &[(4 * 3600, 1.0)])).collect();
    db.append(&all).unwrap();
    db.maintain(NOW);
    assert_eq!((db.stats().series, db.stats().blocks, db.stats().samples), (0, 1, 4));
    let range = || TimeRange { start_ms: NOW - 5 * HOUR, end_ms: NOW };
    let count = |matchers: &[Matcher]| db.series(matchers, range(), 0).unwrap().len();
    let m = matcher;
    assert_eq!(count(&[]), 4);
    assert_eq!(count(&[m("__name__", MatchOp::Equal, "up"), m("job", MatchOp::NotEqual, "orders")]), 1);
    assert_eq!(count(&[m("instance", MatchOp::Equal, "")]), 2);
    assert_eq!(count(&[m("instance", MatchOp::NotEqual, "")]), 2);
    assert_eq!(count(&[m("instance", MatchOp::Regex, "a|")]), 3);
    assert_eq!(count(&[m("job", MatchOp::Regex, "ord.*"), m("instance", MatchOp::NotRegex, "[a]")]), 2);
    assert_eq!(count(&[m("job", MatchOp::Regex, "rder")]), 0);
    assert_eq!(count(&[m("nope", MatchOp::Regex, ".+")]), 0);
    assert_eq!(db.label_names(&[], range(), 0).unwrap(), ["__name__", "instance", "job"]);
    assert_eq!(db.label_values("job", &[], range(), 0).unwrap(), ["orders", "payments"]);
    assert!(db.series(&[], TimeRange { start_ms: NOW - HOUR, end_ms: NOW }, 0).unwrap().is_empty());
}

/// Copies the store's folder before every step.
struct Camera {
    from: PathBuf,
    to: PathBuf,
    shots: Mutex<Vec<BlockStep>>,
}

impl BlockProbe for Camera {
    fn before(&self, step: BlockStep) -> io::Result<()> {
        let mut shots = self.shots.lock();
        copy(&self.from, &self.to.join(shots.len().to_string()));
        shots.push(step);
        Ok(())
    }
}

#[test]
fn a_crash_at_any_step_neither_loses_nor_doubles_a_sample() {
    let (dir, shots) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let camera = Arc::new(Camera {
        from: dir.path().to_owned(),
        to: shots.path().to_owned(),
        shots: Mutex::default(),
    });
    let filmed = TsdbConfig {
        probe: Arc::clone(&camera) as Arc<dyn BlockProbe>,
        segment_bytes: 2_000,
        max_block_ms: 8 * HOUR,
        ..long(dir.path())
    };
    let db = Tsdb::open(filmed).unwrap();
    fill(&db, 9);
    db.maintain(NOW);
    let steps = camera.shots.lock().clone();
    for step in [
        BlockStep::Create,
        BlockStep::Write,
        BlockStep::SyncFile,
        BlockStep::Rename,
        BlockStep::SyncFolder,
        BlockStep::Publish,
        BlockStep::RemoveSegments,
        BlockStep::RemoveBlock,
    ] {
        assert!(steps.contains(&step), "{step:?} of {steps:?}");
    }
    for (i, step) in steps.iter().enumerate() {
        let path = shots.path().join(i.to_string());
        // With a clock so early that opening flushes nothing more.
        let early = TsdbConfig { clock: Arc::new(|| NOW - 40 * HOUR), ..long(&path) };
        let db = Tsdb::open(early).unwrap();
        let stats = db.stats();
        assert_eq!(
            (stats.samples, stats.damaged_blocks, stats.damaged_records),
            (1080, 0, 0),
            "{i} {step:?}"
        );
        assert_eq!(samples(&db, "b"), expected(9), "{i} {step:?}");
        drop(db);
        let db = Tsdb::open(long(&path)).unwrap();
        assert_eq!((db.stats().samples, samples(&db, "a")), (1080, expected(9)), "{i} {step:?}");
        assert!(block_files(&path, "tmp").is_empty());
    }
}

/// Fails one step, as a full disk does.
struct Full(Mutex<Option<BlockStep>>);

impl BlockProbe for Full {
    fn before(&self, step: BlockStep) -> io::Result<()> {
        match *self.0.lock() {
            Some(failing) if failing == step => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_failed_flush_leaves_memory_as_it_was_and_the_next_one_succeeds() {
    for step in [
        BlockStep::Create,
        BlockStep::Write,
        BlockStep::SyncFile,
        BlockStep::Rename,
        BlockStep::SyncFolder,
        BlockStep::Publish,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let full = Arc::new(Full(Mutex::new(Some(step))));
        let probed = TsdbConfig { probe: Arc::clone(&full) as Arc<dyn BlockProbe>, ..long(dir.path()) };
        let db = Tsdb::open(probed).unwrap();
        fill(&db, 6);
        db.maintain(NOW);
        db.maintain(NOW);
        assert_eq!((db.stats().blocks, db.stats().samples), (0, 720), "{step:?}");
        assert_eq!(samples(&db, "a"), expected(6), "{step:?}");
        assert!(block_files(dir.path(), "block").is_empty() && block_files(dir.path(), "tmp").is_empty());
        let (outcome, _) = db.append(&[batch(&[("__name__", "c")], &[(1, 1.0)])]).unwrap();
        assert_eq!(outcome.accepted, 1);
        *full.0.lock() = None;
        db.maintain(NOW);
        assert!(db.stats().blocks > 0);
        assert_eq!((db.stats().samples, samples(&db, "a")), (721, expected(6)), "{step:?}");
    }
}

#[test]
fn a_flipped_bit_anywhere_costs_its_block_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let db = Tsdb::open(long(dir.path())).unwrap();
    fill(&db, 5);
    db.maintain(NOW);
    drop(db);
    let files = block_files(dir.path(), "block");
    assert_eq!(files.len(), 2);
    let whole = fs::read(&files[0]).unwrap();
    for at in (0..whole.len()).filter(|at| at % 3 == 0 || at + 40 > whole.len()) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&files[0], &damaged).unwrap();
        let db = Tsdb::open(long(dir.path())).unwrap();
        let found = samples(&db, "a");
        let rest: Vec<_> = expected(5).into_iter().filter(|(ago, _)| *ago <= 2 * 7200 + 800).collect();
        assert_eq!(found, rest, "byte {at}");
        db.maintain(NOW);
        assert_eq!((db.stats().damaged_blocks, db.stats().blocks), (1, 1), "byte {at}");
        assert_eq!(samples(&db, "b"), rest);
        let aside = block_files(dir.path(), "damaged");
        assert_eq!(fs::read(&aside[0]).unwrap(), damaged);
        fs::remove_file(&aside[0]).unwrap();
    }
    for cut in [0, 7, 20, whole.len() / 2, whole.len() - 1] {
        fs::write(&files[0], &whole[..cut]).unwrap();
        let db = Tsdb::open(long(dir.path())).unwrap();
        assert_eq!((db.stats().damaged_blocks, db.stats().blocks), (1, 1), "cut at {cut}");
    }
    fs::write(&files[0], &whole).unwrap();
    assert_eq!(samples(&Tsdb::open(long(dir.path())).unwrap(), "a"), expected(5));
}

#[test]
fn age_and_bytes_drop_whole_blocks_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let short = || TsdbConfig { max_block_ms: 0, ..long(dir.path()) };
    let db = Tsdb::open(short()).unwrap();
    fill(&db, 10);
    db.maintain(NOW);
    let before = db.stats();
    assert!(before.blocks >= 4, "{before:?}");
    db.maintain(NOW + 41 * HOUR);
    let found = samples(&db, "a");
    assert!(found[0].0 >= 7 * 3600 - 60 && found[0].0 <= 9 * 3600, "{:?}", found[0]);
    assert_eq!(found.last().unwrap().0, 0);
    let now = db.stats();
    drop(db);
    let tight = TsdbConfig { max_bytes: now.disk_bytes - now.block_bytes / 2, ..short() };
    let limit = tight.max_bytes;
    let db = Tsdb::open(tight).unwrap();
    let after = db.stats();
    assert!(after.blocks < now.blocks && after.disk_bytes <= limit, "{after:?}");
    let kept = samples(&db, "a");
    assert!(kept.len() < found.len() && found.ends_with(&kept));
}

#[test]
fn merging_keeps_every_sample_once() {
    let dir = tempfile::tempdir().unwrap();
    let db = Tsdb::open(long(dir.path())).unwrap();
    fill(&db, 40);
    for _ in 0..20 {
        db.maintain(NOW);
        assert_eq!((db.stats().samples, samples(&db, "a")), (4800, expected(40)));
    }
    assert!(db.stats().blocks <= 8, "{:?}", db.stats());
    assert_eq!(block_files(dir.path(), "block").len() as u64, db.stats().blocks);
    drop(db);
    let db = Tsdb::open(long(dir.path())).unwrap();
    assert_eq!((db.stats().samples, samples(&db, "b")), (4800, expected(40)));
}

#[test]
fn late_samples_into_a_flushed_range_are_judged_stored_and_merged() {
    let dir = tempfile::tempdir().unwrap();
    let wide = || TsdbConfig { out_of_order_ms: 5 * HOUR, ..long(dir.path()) };
    let db = Tsdb::open(wide()).unwrap();
    let name = [("__name__", "x")];
    // The second series has nothing in memory after the flush.
    let gone = [("__name__", "y")];
    db.append(&[batch(&name, &[(12_000, 1.0), (11_000, 2.0), (0, 3.0)])]).unwrap();
    db.append(&[batch(&gone, &[(12_000, 1.0), (11_000, 2.0)])]).unwrap();
    db.maintain(NOW);
    assert_eq!((db.stats().blocks, db.stats().series), (1, 1));
    for pairs in [&name, &gone] {
        let late = batch(pairs, &[(11_500, 5.0), (12_000, 1.0), (12_000, 9.0), (11_500, 6.0), (40_000, 1.0)]);
        let (outcome, reason) = db.append(&[late]).unwrap();
        assert_eq!((outcome.accepted, outcome.rejected), (2, 3));
        assert!(reason.unwrap().to_string().contains("another value"));
    }
    let check = |db: &Tsdb| {
        assert_eq!(samples(db, "x"), [(12_000, 1.0), (11_500, 5.0), (11_000, 2.0), (0, 3.0)]);
        assert_eq!(samples(db, "y"), [(12_000, 1.0), (11_500, 5.0), (11_000, 2.0)]);
        assert_eq!(db.stats().samples, 7);
    };
    check(&db);
    drop(db);
    let db = Tsdb::open(wide()).unwrap();
    check(&db);
    db.maintain(NOW + 4 * HOUR);
    check(&db);
    assert_eq!(db.stats().series, 0);
    drop(db);
    check(&Tsdb::open(wide()).unwrap());
}

#[test]
fn appends_and_queries_go_on_during_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let db = Tsdb::open(long(dir.path())).unwrap();
    fill(&db, 12);
    std::thread::scope(|scope| {
        scope.spawn(|| db.maintain(NOW));
        scope.spawn(|| {
            for i in (0..200).rev() {
                db.append(&[batch(&[("__name__", "new")], &[(i, 1.0)])]).unwrap();
            }
        });
        for _ in 0..200 {
            assert_eq!(samples(&db, "a"), expected(12));
        }
    });
    assert_eq!(db.stats().samples, 1440 + 200);
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        Just(f64::from_bits(STALE_NAN_BITS)),
        Just(-0.0),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        (0u32..1000).prop_map(f64::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_flushed_comes_back_bit_by_bit(
        all in prop::collection::vec(prop::collection::vec((1i64..600_000, value()), 1..150), 1..12)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let db = Tsdb::open(long(dir.path())).unwrap();
        let mut wanted = Vec::new();
        for (n, steps) in all.into_iter().enumerate() {
            let mut t_ms = NOW - 26 * HOUR;
            let samples: Vec<Sample> = steps
                .into_iter()
                .map(|(step, v)| {
                    t_ms += step;
                    Sample { t_ms, v }
                })
                .collect();
            wanted.push(samples.iter().map(|s| (s.t_ms, s.v.to_bits())).collect::<Vec<_>>());
            let name = format!("{n:03}");
            let part = SeriesBatch::floats(labels(&[("__name__", "x"), ("n", &name)]), samples);
            db.append(&[part]).unwrap();
        }
        for _ in 0..4 {
            db.maintain(NOW);
        }
        prop_assert!(db.stats().blocks > 0 && db.stats().series == 0);
        let found = db.select(&[], i64::MIN, i64::MAX, usize::MAX).unwrap();
        let bits = |s: &[Sample]| s.iter().map(|s| (s.t_ms, s.v.to_bits())).collect::<Vec<_>>();
        prop_assert_eq!(found.iter().map(|s| bits(&s.samples)).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn merged_blocks_stay_shorter_than_a_third_of_the_retention() {
    for (retention, most) in [(72, 3), (12, 7)] {
        let dir = tempfile::tempdir().unwrap();
        let db = Tsdb::open(TsdbConfig { retention_ms: retention * HOUR, ..config(dir.path()) }).unwrap();
        fill(&db, 11);
        for _ in 0..3 {
            db.maintain(NOW);
        }
        let blocks = db.stats().blocks;
        assert!(blocks <= most && (most == 3 || blocks > 4), "{retention} h: {blocks} blocks");
        assert_eq!(samples(&db, "a"), expected(11));
    }
}
