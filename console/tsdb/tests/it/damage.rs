//! Flipped bits on disk: each is found, said, and costs what it lies in; no sample is ever wrong.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use console_model::{
    histogram::{BucketCount, Histogram},
    metric::{HistogramSample, Sample},
};
use console_storage::metrics::{SampleAppender, SeriesBatch, SeriesReader};
use console_tsdb::{Tsdb, TsdbConfig};
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::{NOW, config, labels};

const HOUR: i64 = 3_600_000;
const BLOCK: i64 = 2 * HOUR;
const WAL_HEADER: usize = 8;
const WAL_FRAME: usize = 8;

/// In memory where the machine has such a place: thousands of stores are opened.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// Blocks are not merged, and what is in the log stays there.
fn still(dir: &Path) -> TsdbConfig {
    TsdbConfig { retention_ms: 48 * HOUR, max_block_ms: 0, ..config(dir) }
}

/// Counts warnings and errors of this thread.
#[derive(Clone, Default)]
struct Complaints(Arc<AtomicU64>);

impl Subscriber for Complaints {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// How often the store complains during `work`.
fn complaints(work: impl FnOnce()) -> u64 {
    let counter = Complaints::default();
    tracing::subscriber::with_default(counter.clone(), work);
    counter.0.load(Ordering::Relaxed)
}

/// A point as text, with its time.
type Point = (i64, String);

/// Every point of the store, bit by bit.
fn points(db: &Tsdb) -> BTreeSet<Point> {
    let found = db.select_points(&[], i64::MIN, i64::MAX, usize::MAX).unwrap();
    let mut out = BTreeSet::new();
    for s in &found {
        let floats = s.samples.iter().map(|p| (p.t_ms, format!("{} {:x}", s.labels, p.v.to_bits())));
        let histograms = s.histograms.iter().map(|p| (p.t_ms, format!("{} {:?}", s.labels, p.h)));
        for point in floats.chain(histograms) {
            assert!(out.insert(point.clone()), "twice: {point:?}");
        }
    }
    out
}

/// Some series of floats and one of native histograms, a point every `step_ms` for ten hours; then flushed.
fn fill(dir: &Path, series: u32, step_ms: i64) {
    let db = Tsdb::open(still(dir)).unwrap();
    for t_ms in (0..10 * HOUR / step_ms).map(|i| NOW - 10 * HOUR + i * step_ms) {
        let mut batch: Vec<SeriesBatch> = (0..series)
            .map(|n| {
                let v = (t_ms / 1000 * i64::from(n + 1) % 9973) as f64 / 7.0;
                let pairs = [("__name__", "x"), ("job", "shop"), ("n", &n.to_string())];
                SeriesBatch::floats(labels(&pairs), vec![Sample { t_ms, v }])
            })
            .collect();
        let count = ((t_ms - NOW) / 1000 + 40_000) as f64;
        let positive = vec![BucketCount { index: 3, count }, BucketCount { index: 5, count: 1.0 }];
        let h = Histogram { count: count + 1.0, sum: 0.5, positive, ..Histogram::default() };
        batch.push(SeriesBatch {
            labels: labels(&[("__name__", "h")]),
            histograms: vec![HistogramSample { t_ms, h: h.into() }],
            ..SeriesBatch::default()
        });
        db.append(&batch).unwrap();
    }
    db.maintain(NOW);
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let mut found: Vec<PathBuf> = all.filter(|p| p.extension().is_some_and(|e| e == extension)).collect();
    found.sort();
    found
}

/// Flips the given bits of the second block, one at a time.
fn flip_block(dir: &Path, bits: impl Fn(usize) -> Vec<usize>) -> usize {
    let truth = points(&Tsdb::open(still(dir)).unwrap());
    let blocks = files(&dir.join("blocks"), "block");
    assert!(blocks.len() >= 3, "{} blocks", blocks.len());
    let path = &blocks[1];
    let whole = fs::read(path).unwrap();
    // What is in the block: the points that are gone without it.
    fs::remove_file(path).unwrap();
    let rest = points(&Tsdb::open(still(dir)).unwrap());
    assert!(rest.len() < truth.len() && rest.is_subset(&truth));
    let bits = bits(whole.len());
    for bit in &bits {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, &damaged).unwrap();
        let said = complaints(|| {
            let db = Tsdb::open(still(dir)).unwrap();
            assert!(points(&db) == rest, "bit {bit}");
            db.maintain(NOW);
            let stats = db.stats();
            assert_eq!((stats.damaged_blocks, stats.blocks), (1, blocks.len() as u64 - 1), "bit {bit}");
            assert!(points(&db) == rest, "bit {bit}");
        });
        assert!(said > 0, "nobody was told of bit {bit}");
        let aside = path.with_extension("damaged");
        assert_eq!(fs::read(&aside).unwrap(), damaged);
        fs::remove_file(&aside).unwrap();
    }
    fs::write(path, &whole).unwrap();
    assert!(points(&Tsdb::open(still(dir)).unwrap()) == truth);
    bits.len()
}

#[test]
fn every_bit_of_a_small_block_is_guarded() {
    let dir = folder();
    fill(dir.path(), 2, BLOCK / 4);
    let flipped = flip_block(dir.path(), |bytes| (0..bytes * 8).collect());
    println!("{flipped} bits of a block flipped");
}

#[test]
fn every_byte_of_a_larger_block_is_guarded() {
    let dir = folder();
    fill(dir.path(), 25, BLOCK / 60);
    let flipped = flip_block(dir.path(), |bytes| (0..bytes).map(|at| at * 8 + at * 5 % 8).collect());
    println!("{flipped} bytes of a block damaged");
}

/// Where the records of a segment begin.
fn records(segment: &[u8]) -> Vec<usize> {
    let (mut at, mut out) = (WAL_HEADER, Vec::new());
    while let Some(length) = segment.get(at..at + 4) {
        out.push(at);
        at += WAL_FRAME + u32::from_le_bytes(length.try_into().unwrap()) as usize;
    }
    out
}

#[test]
fn a_flipped_bit_of_the_log_costs_at_most_the_rest_of_its_segment() {
    let dir = folder();
    let small = || TsdbConfig { segment_bytes: 150, ..still(dir.path()) };
    let db = Tsdb::open(small()).unwrap();
    // One record each; times are the records' names.
    let times: Vec<i64> = (0..11).map(|i| NOW - 600_000 + i * 15_000).collect();
    for t_ms in &times {
        let of = |n: &str, v: f64| {
            SeriesBatch::floats(labels(&[("__name__", n)]), vec![Sample { t_ms: *t_ms, v }])
        };
        db.append(&[of("a", 1.5), of("b", *t_ms as f64)]).unwrap();
    }
    let truth = points(&db);
    assert_eq!(truth.len(), 2 * times.len());
    drop(db);
    let segments = files(dir.path(), "wal");
    let whole: Vec<Vec<u8>> = segments.iter().map(|p| fs::read(p).unwrap()).collect();
    assert!(segments.len() >= 3, "{} segments", segments.len());
    let mut first = 0;
    for (path, bytes) in segments.iter().zip(&whole) {
        let starts = records(bytes);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(path, &damaged).unwrap();
            // Records of this segment that end before the damage.
            let before = starts.iter().skip(1).chain([&bytes.len()]).filter(|end| **end <= bit / 8).count();
            let lost = &times[first + before..first + starts.len()];
            let kept: BTreeSet<Point> = truth.iter().filter(|p| !lost.contains(&p.0)).cloned().collect();
            let said = complaints(|| {
                let db = Tsdb::open(small()).unwrap();
                let found = points(&db);
                assert!(found.is_subset(&truth), "{}, bit {bit}: a wrong sample", path.display());
                assert!(found.is_superset(&kept), "{}, bit {bit}: more is lost", path.display());
                // The log goes on behind the damage.
                let new =
                    SeriesBatch::floats(labels(&[("__name__", "c")]), vec![Sample { t_ms: NOW, v: 1.0 }]);
                db.append(&[new]).unwrap();
                let found = points(&db);
                drop(db);
                let again = points(&Tsdb::open(small()).unwrap());
                assert!(again == found, "{}, bit {bit}: the next start finds something else", path.display());
            });
            assert!(said > 0, "nobody was told of bit {bit} of {}", path.display());
            for path in files(dir.path(), "wal") {
                fs::remove_file(path).unwrap();
            }
            for (path, bytes) in segments.iter().zip(&whole) {
                fs::write(path, bytes).unwrap();
            }
        }
        first += starts.len();
    }
    assert_eq!(first, times.len());
}
