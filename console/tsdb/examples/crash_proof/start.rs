//! How long a store takes to open, by the size of its log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use console_model::{Labels, metric::Sample};
use console_storage::metrics::{SampleAppender, SeriesBatch};
use console_tsdb::{Tsdb, TsdbConfig};

const SERIES: i64 = 10_000;
const INTERVAL_MS: i64 = 15_000;
const BASE_MS: i64 = 1_700_000_000_000;
const GIGABYTE: f64 = 1e9;
/// Statistics count every series: not after every scrape.
const SCRAPES_PER_LOOK: i64 = 50;

/// What the series hold: a log of noise has fewer samples a byte.
#[derive(Clone, Copy, Debug)]
enum Values {
    Counters,
    Noise,
}

impl Values {
    fn at(self, scrape: i64, n: i64) -> f64 {
        match self {
            Self::Counters => ((scrape * (n % 17 + 1) + n) % 100_000) as f64,
            Self::Noise => {
                let noise = ((scrape * SERIES + n) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (noise ^ (noise >> 29)) as f64 / 1e9
            }
        }
    }
}

/// Fills a log as scrapes of 10,000 series do, none of it in blocks, and opens it.
pub fn measure(gigabytes: f64) {
    for values in [Values::Counters, Values::Noise] {
        measure_one(gigabytes, values);
    }
}

fn measure_one(gigabytes: f64, values: Values) {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let now = Arc::new(AtomicI64::new(BASE_MS));
    let config = || {
        let now = Arc::clone(&now);
        TsdbConfig {
            // No window is ever over: everything stays in the log.
            block_ms: i64::MAX / 4,
            retention_ms: i64::MAX / 4,
            max_bytes: u64::MAX,
            clock: Arc::new(move || now.load(Ordering::Relaxed)),
            ..TsdbConfig::new(dir.path())
        }
    };
    let db = Tsdb::open(config()).expect("an empty folder can be opened");
    let labels: Vec<Labels> = (0..SERIES)
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
    while scrape % SCRAPES_PER_LOOK != 0 || (db.stats().disk_bytes as f64) < gigabytes * GIGABYTE {
        let t_ms = BASE_MS + scrape * INTERVAL_MS;
        now.store(t_ms, Ordering::Relaxed);
        let batch: Vec<SeriesBatch> = labels
            .iter()
            .zip(0..)
            .map(|(l, n)| SeriesBatch::floats(l.clone(), vec![Sample { t_ms, v: values.at(scrape, n) }]))
            .collect();
        let (outcome, _) = db.append(&batch).expect("the disk has room");
        assert_eq!(outcome.accepted, SERIES as u64);
        scrape += 1;
    }
    let wrote = begun.elapsed();
    let before = db.stats();
    drop(db);
    let begun = Instant::now();
    let db = Tsdb::open(config()).expect("the store's own log can be opened");
    let opened = begun.elapsed();
    assert_eq!(db.stats().samples, before.samples);
    let size = before.disk_bytes as f64 / GIGABYTE;
    println!(
        "{values:?}: log of {size:.2} GB ({SERIES} series, {:.1} M samples, written in {:.1} s): opened in {:.2} s, {:.2} s per GB, \
         {:.1} M samples a second",
        before.samples as f64 / 1e6,
        wrote.as_secs_f64(),
        opened.as_secs_f64(),
        opened.as_secs_f64() / size,
        before.samples as f64 / 1e6 / opened.as_secs_f64()
    );
}
