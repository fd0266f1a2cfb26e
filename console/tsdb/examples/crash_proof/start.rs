//! How long a store takes to open, and how much memory that takes, by the size of its log.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use console_model::{
    Labels,
    histogram::{BucketCount, Histogram},
    metric::{Exemplar, HistogramSample, Sample},
};
use console_storage::metrics::{SampleAppender, SeriesBatch};
use console_tsdb::{Tsdb, TsdbConfig, TsdbStats};

const SERIES: i64 = 10_000;
const INTERVAL_MS: i64 = 15_000;
const BASE_MS: i64 = 1_700_000_000_000;
const GIGABYTE: f64 = 1e9;
/// Statistics count every series: not after every scrape.
const SCRAPES_PER_LOOK: i64 = 50;
/// A store is opened so often; the best time counts, because others use the machine too.
const ROUNDS: usize = 5;

/// What the series hold: a log of noise has fewer samples a byte.
#[derive(Clone, Copy, Debug)]
enum Values {
    /// Whole numbers that rise by the same small step at each scrape.
    Counters,
    /// Gauges of which every value has all its bits.
    Noise,
    /// Gauges that stay at 0 or 1: no log has more samples a byte.
    Flags,
    /// Counters, every twentieth with an exemplar at each scrape.
    Exemplars,
    /// Native histograms of twenty buckets that rise.
    Histograms,
}

impl Values {
    fn series(self) -> i64 {
        if matches!(self, Self::Histograms) { SERIES / 10 } else { SERIES }
    }

    fn at(self, scrape: i64, n: i64) -> f64 {
        match self {
            Self::Counters | Self::Exemplars | Self::Histograms => {
                ((scrape * (n % 17 + 1) + n) % 100_000) as f64
            }
            Self::Noise => mixed(scrape * SERIES + n) as f64 / 1e9,
            Self::Flags => (n % 2) as f64,
        }
    }

    fn batch(self, scrape: i64, n: i64, labels: &Labels) -> SeriesBatch {
        let (t_ms, v) = (BASE_MS + scrape * INTERVAL_MS, self.at(scrape, n));
        match self {
            Self::Histograms => SeriesBatch {
                labels: labels.clone(),
                histograms: vec![HistogramSample { t_ms, h: histogram(v, n).into() }],
                ..SeriesBatch::default()
            },
            Self::Exemplars if n % 20 == 0 => {
                let trace = format!("{:016x}{:016x}", mixed(scrape * SERIES + n), mixed(n - scrape));
                let exemplar = Exemplar { labels: Labels::from_pairs([("trace_id", trace)]), value: v, t_ms };
                SeriesBatch {
                    exemplars: vec![exemplar],
                    ..SeriesBatch::floats(labels.clone(), vec![Sample { t_ms, v }])
                }
            }
            _ => SeriesBatch::floats(labels.clone(), vec![Sample { t_ms, v }]),
        }
    }
}

fn mixed(n: i64) -> u64 {
    let noise = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    noise ^ (noise >> 29)
}

/// Some buckets rise with `v`, by steps of their own.
fn histogram(v: f64, n: i64) -> Histogram {
    let index = |i: i64| (n % 7 + i) as i32;
    let positive: Vec<BucketCount> =
        (0..20).map(|i| BucketCount { index: index(i), count: (v / (i + 1) as f64).floor() }).collect();
    let count = positive.iter().map(|b| b.count).sum();
    Histogram { schema: 3, count, sum: v * 0.37, positive, ..Histogram::default() }
}

fn config(dir: &Path, now: Arc<AtomicI64>) -> TsdbConfig {
    TsdbConfig {
        // No window is ever over: everything stays in the log.
        block_ms: i64::MAX / 4,
        retention_ms: i64::MAX / 4,
        max_bytes: u64::MAX,
        clock: Arc::new(move || now.load(Ordering::Relaxed)),
        ..TsdbConfig::new(dir)
    }
}

/// Fills a log as scrapes of thousands of series do, none of it in blocks, and opens it in processes of their own: `program`.
pub fn measure(program: &str, gigabytes: f64) {
    for values in [Values::Counters, Values::Noise, Values::Flags, Values::Exemplars, Values::Histograms] {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let (last_ms, stats, wrote) = fill(dir.path(), gigabytes, values);
        let mut opened: Vec<Opened> =
            (0..ROUNDS).map(|_| Opened::by(program, dir.path(), last_ms, &stats)).collect();
        opened.sort_by_key(|o| o.took);
        report(values, &stats, wrote, &opened);
    }
}

fn report(values: Values, stats: &TsdbStats, wrote: Duration, opened: &[Opened]) {
    let (size, samples) = (stats.disk_bytes as f64 / GIGABYTE, stats.samples as f64 / 1e6);
    let Some((best, worst)) = opened.first().zip(opened.last()) else { return };
    let seconds = best.took.as_secs_f64();
    println!(
        "{values:?}: log of {size:.2} GB ({} series, {samples:.1} M samples, written in {:.1} s) opened in {seconds:.2} s \
         (best of {ROUNDS}, worst {:.2} s): {:.2} s per GB, {:.1} M samples a second, {:.2} s on processors; \
         {} MB resident at most, {} MB of it samples",
        stats.series,
        wrote.as_secs_f64(),
        worst.took.as_secs_f64(),
        seconds / size,
        samples / seconds,
        best.on_cpu.as_secs_f64(),
        best.peak_mb,
        stats.memory_bytes >> 20,
    );
}

/// Answers also the newest time.
fn fill(dir: &Path, gigabytes: f64, values: Values) -> (i64, TsdbStats, Duration) {
    let now = Arc::new(AtomicI64::new(BASE_MS));
    let db = Tsdb::open(config(dir, Arc::clone(&now))).expect("an empty folder can be opened");
    let mut labels: Vec<Labels> = (0..values.series())
        .map(|n| {
            Labels::from_pairs([
                ("__name__", format!("metric_{}_total", n % 50)),
                ("instance", format!("10.0.0.{}:8080", n / 50)),
                ("job", "shop".to_owned()),
            ])
        })
        .collect();
    let begun = Instant::now();
    let mut scrape = 0;
    let mut stats = db.stats();
    while scrape % SCRAPES_PER_LOOK != 0 || (stats.disk_bytes as f64) < gigabytes * GIGABYTE {
        let t_ms = BASE_MS + scrape * INTERVAL_MS;
        now.store(t_ms, Ordering::Relaxed);
        let batch: Vec<SeriesBatch> =
            labels.iter().zip(0..).map(|(l, n)| values.batch(scrape, n, l)).collect();
        let (outcome, _) = db.append(&batch).expect("the disk has room");
        assert_eq!(outcome.accepted, labels.len() as u64);
        if scrape == 0 {
            // As ingest does: the store's own label sets from the second write on.
            labels = labels.iter().filter_map(|l| db.known(l)).collect();
        }
        scrape += 1;
        if scrape % SCRAPES_PER_LOOK == 0 {
            stats = db.stats();
        }
    }
    (now.load(Ordering::Relaxed), stats, begun.elapsed())
}

/// What a process found.
struct Opened {
    took: Duration,
    on_cpu: Duration,
    peak_mb: u64,
}

impl Opened {
    fn by(program: &str, dir: &Path, now_ms: i64, written: &TsdbStats) -> Self {
        let output = Command::new(program).arg("open").arg(dir).arg(now_ms.to_string()).output();
        let output = output.expect("this program can be started again");
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [took_us, on_cpu_ms, samples, peak_mb] = numbers[..] else {
            panic!("the store's own log cannot be opened: {text}")
        };
        assert_eq!(samples, written.samples, "samples are lost");
        Self { took: Duration::from_micros(took_us), on_cpu: Duration::from_millis(on_cpu_ms), peak_mb }
    }
}

/// Opens a store and says how long that took, all threads' time on processors, what it holds and the resident memory's peak.
pub fn open(dir: &Path, now_ms: i64) {
    let now = Arc::new(AtomicI64::new(now_ms));
    let begun = Instant::now();
    let db = Tsdb::open(config(dir, now)).expect("the store's own log can be opened");
    let took = begun.elapsed();
    let (on_cpu, peak_mb) = (on_cpu_ms(), peak_mb());
    println!("{} {on_cpu} {} {peak_mb}", took.as_micros(), db.stats().samples);
}

fn peak_mb() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Of this process since its start, threads that ended included; ticks of 10 ms.
fn on_cpu_ms() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok());
    ticks.sum::<u64>() * 10
}
