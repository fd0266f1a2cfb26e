//! A victim that writes numbered batches and says which are acknowledged, and a murderer who checks what is left.
//!
//! What must hold after every kill: of the time that the retention keeps, each acknowledged batch is there once, and a
//! batch that is there is there wholly.

use std::{
    collections::BTreeMap,
    fmt,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    time::{Duration, Instant},
};

use console_model::{
    Labels,
    histogram::{BucketCount, Histogram},
    metric::{HistogramSample, Sample},
};
use console_storage::metrics::{SampleAppender, SeriesBatch, SeriesReader};
use console_tsdb::{Tsdb, TsdbConfig};

/// Batch number 0 would lie here; one follows every millisecond.
const BASE_MS: i64 = 1_700_000_000_000;
/// Series of floats in a batch; beside them is one of native histograms.
const SERIES: i64 = 12;
/// Batches that the retention keeps.
const KEPT: i64 = 10_000;
/// Batches after which a victim may be killed.
const MAX_BATCHES: u64 = 1_500;
/// Every so many rounds the kill comes by the clock, and so most of the time while the store opens.
const EARLY_EVERY: u64 = 8;
const EARLY_US: u64 = 20_000;

/// So small that flushes, merges, retention and new segments never cease.
fn config(dir: &Path, last: i64) -> TsdbConfig {
    TsdbConfig {
        segment_bytes: 6_000,
        block_ms: 250,
        max_block_ms: KEPT / 3,
        out_of_order_ms: 0,
        retention_ms: KEPT,
        clock: Arc::new(move || BASE_MS + last),
        ..TsdbConfig::new(dir)
    }
}

fn value(number: i64, series: i64) -> f64 {
    (number * 100 + series) as f64 / 8.0
}

fn histogram(number: i64) -> Histogram {
    let count = number as f64;
    Histogram { count, sum: -count, positive: vec![BucketCount { index: 3, count }], ..Histogram::default() }
}

fn batch(number: i64) -> Vec<SeriesBatch> {
    let t_ms = BASE_MS + number;
    let name = |n: i64| Labels::from_pairs([("__name__", "x"), ("n", &n.to_string())]);
    let floats = |n| SeriesBatch::floats(name(n), vec![Sample { t_ms, v: value(number, n) }]);
    let native = SeriesBatch {
        labels: name(SERIES),
        histograms: vec![HistogramSample { t_ms, h: histogram(number).into() }],
        ..SeriesBatch::default()
    };
    (0..SERIES).map(floats).chain([native]).collect()
}

/// Writes batches until somebody kills this process; a line says which are acknowledged. `last`: the newest one that was
/// acknowledged before.
pub fn write(dir: &Path, last: i64) -> ! {
    let db = Tsdb::open(config(dir, last)).expect("the store opens after a kill");
    let there = db.select(&[], i64::MIN, i64::MAX, usize::MAX).expect("no limit is met");
    let newest = there.iter().filter_map(|s| s.samples.last()).map(|s| s.t_ms - BASE_MS).max();
    std::thread::scope(|scope| {
        let (due, times): (_, Receiver<i64>) = sync_channel(1);
        let db = &db;
        scope.spawn(move || times.into_iter().for_each(|now_ms| db.maintain(now_ms)));
        for number in newest.unwrap_or(last).max(last) + 1.. {
            let (outcome, refused) = db.append(&batch(number)).expect("the disk has room");
            assert_eq!((outcome.accepted, refused), (SERIES as u64 + 1, None));
            writeln!(std::io::stdout(), "stored {number}").expect("somebody listens");
            let _ = due.try_send(BASE_MS + number);
        }
    });
    unreachable!("somebody kills this process")
}

/// What many kills came to.
#[derive(Debug, Default)]
pub struct Figures {
    pub rounds: u64,
    /// Kills before the victim acknowledged anything.
    pub early: u64,
    pub acknowledged: i64,
    /// Acknowledged batches, inside the retention, of which some series has nothing.
    pub lost: u64,
    /// Points that are there more than once.
    pub doubled: u64,
    /// Batches of which some series has nothing and others something.
    pub torn: u64,
    /// Points with another value than was written.
    pub wrong: u64,
    /// Records and blocks that were damaged.
    pub damaged: u64,
    pub blocks: u64,
    pub slowest_open: Duration,
    pub opening: Duration,
}

impl Figures {
    pub fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.torn + self.wrong + self.damaged == 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = self.opening.checked_div(self.rounds as u32).unwrap_or_default();
        write!(
            f,
            "{} kills ({} while opening): {} batches acknowledged, {} lost, {} points doubled, {} batches torn, {} values \
             wrong, {} records or blocks damaged; {} blocks in the end; start {mean:.1?} on average, {:.1?} at most",
            self.rounds,
            self.early,
            self.acknowledged,
            self.lost,
            self.doubled,
            self.torn,
            self.wrong,
            self.damaged,
            self.blocks,
            self.slowest_open
        )
    }
}

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Starts and kills a victim again and again on one folder. `victim` gives the command for a number of a batch.
pub fn kill(dir: &Path, rounds: u64, seed: u64, victim: &dyn Fn(i64) -> Command) -> Figures {
    let mut figures = Figures { rounds, ..Figures::default() };
    let mut rng = Rng(seed);
    for round in 0..rounds {
        let early = round % EARLY_EVERY == EARLY_EVERY - 1;
        let after = if early { u64::MAX } else { 1 + rng.below(MAX_BATCHES) };
        let delay = Duration::from_micros(rng.below(if early { EARLY_US } else { 300 }));
        let before = figures.acknowledged;
        figures.acknowledged = before.max(run(&mut victim(before), after, delay).unwrap_or(before));
        figures.early += u64::from(figures.acknowledged == before);
        check(dir, &mut figures);
    }
    figures
}

/// Kills the victim `delay` after so many acknowledgements, or after its start; answers the last acknowledged batch.
fn run(victim: &mut Command, after: u64, delay: Duration) -> Option<i64> {
    let mut child = victim.stdout(Stdio::piped()).spawn().expect("the victim starts");
    let answers = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
    if after == u64::MAX {
        spin(delay);
        child.kill().expect("the victim is still there");
    }
    let (mut last, mut count) = (None, 0);
    for line in answers.map_while(Result::ok) {
        // A test harness may print something of its own before the first answer.
        let Some((_, number)) = line.split_once("stored ") else { continue };
        last = number.parse().ok();
        count += 1;
        if count == after {
            spin(delay);
            child.kill().expect("the victim is still there");
        }
    }
    let status = child.wait().expect("the victim ends");
    assert_eq!(status.code(), None, "the victim ended by itself");
    last
}

/// Sleeping is too coarse.
fn spin(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Opens what is left and counts what is wrong.
fn check(dir: &Path, figures: &mut Figures) {
    let last = figures.acknowledged;
    let begun = Instant::now();
    let db = Tsdb::open(config(dir, last)).expect("the store opens after a kill");
    let took = begun.elapsed();
    figures.opening += took;
    figures.slowest_open = figures.slowest_open.max(took);
    let found = db.select_points(&[], i64::MIN, i64::MAX, usize::MAX).expect("no limit is met");
    let mut points = 0u64;
    // How many series have something of a batch.
    let mut batches: BTreeMap<i64, i64> = BTreeMap::new();
    for series in &found {
        let n: i64 = series.labels.get("n").and_then(|n| n.parse().ok()).unwrap_or(-1);
        points += (series.samples.len() + series.histograms.len()) as u64;
        for s in &series.samples {
            let number = s.t_ms - BASE_MS;
            figures.wrong += u64::from(n >= SERIES || s.v.to_bits() != value(number, n).to_bits());
            *batches.entry(number).or_default() += 1;
        }
        for s in &series.histograms {
            let number = s.t_ms - BASE_MS;
            figures.wrong += u64::from(n != SERIES || *s.h != histogram(number));
            *batches.entry(number).or_default() += 1;
        }
    }
    let stats = db.stats();
    figures.blocks = stats.blocks;
    figures.damaged += stats.damaged_blocks + stats.damaged_records;
    // Overlapping blocks show a point once; the store's own count does not.
    figures.doubled += stats.samples.abs_diff(points);
    let whole = SERIES + 1;
    let first = (last - KEPT).max(1);
    figures.lost += (first..=last).filter(|n| batches.get(n).is_none_or(|c| *c < whole)).count() as u64;
    figures.torn += batches.range(first..).filter(|(_, count)| **count < whole).count() as u64;
    figures.doubled += batches.values().filter(|count| **count > whole).count() as u64;
}
