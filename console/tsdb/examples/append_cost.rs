//! What a sample costs: 20,000 series at 15 s steps over three hours, written as a Prometheus sends them (one sample of each of
//! 2,000 series a write): `cargo run --release -p console-tsdb --example append_cost`.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use console_model::{Labels, Matcher, metric::Sample};
use console_storage::metrics::{SampleAppender, SeriesBatch, SeriesReader};
use console_tsdb::{Tsdb, TsdbConfig};

const NOW: i64 = 1_700_000_000_000;
const SERIES: usize = 20_000;
const STEPS: i64 = 720;
const SERIES_PER_WRITE: usize = 2_000;

/// A small generator: the same data on every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn resident_mb() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Time of this thread on a processor: others may be busy too.
fn on_cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

fn labels(n: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("metric_{}_total", n / 500)),
        ("job", "shop".to_owned()),
        ("instance", format!("10.0.0.{}:9100", n % 100)),
        ("namespace", "production".to_owned()),
        ("pod", format!("orders-7d9f8b6c5-{:05}", n % 250)),
        ("method", ["GET", "POST", "PUT"][n % 3].to_owned()),
        ("route", format!("/api/v1/things/{}", n % 50)),
        ("status", ["200", "404", "500"][n / 3 % 3].to_owned()),
        ("id", format!("{n}")),
    ])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let config = TsdbConfig { clock: Arc::new(|| NOW), ..TsdbConfig::new(dir.path()) };
    let db = Tsdb::open(config.clone())?;
    let mut noise = Noise(7);
    let mut all: Vec<Labels> = (0..SERIES).map(labels).collect();
    let mut values: Vec<f64> = (0..SERIES).map(|_| noise.below(100_000) as f64).collect();
    println!("labels made: {} MB resident", resident_mb());
    let mut spent = Duration::ZERO;
    for step in 0..STEPS {
        for (writes, part) in all.chunks(SERIES_PER_WRITE).enumerate() {
            let batch: Vec<SeriesBatch> = part
                .iter()
                .enumerate()
                .map(|(i, labels)| {
                    let value = &mut values[writes * SERIES_PER_WRITE + i];
                    *value += match i % 3 {
                        0 => noise.below(20) as f64,
                        1 => (noise.below(41) as f64 - 20.0) / 100.0,
                        _ => f64::from(u32::from(noise.below(8) == 0)),
                    };
                    let t_ms = NOW - (STEPS - step) * 15_000;
                    SeriesBatch::floats(labels.clone(), vec![Sample { t_ms, v: *value }])
                })
                .collect();
            let begun = on_cpu();
            db.append(&batch)?;
            drop(batch);
            spent += on_cpu().saturating_sub(begun);
        }
        if step == 0 {
            // As ingest does: the store's own label sets from the second write on.
            for labels in &mut all {
                *labels = db.known(labels).ok_or("an unknown series")?;
            }
        }
    }
    let samples = SERIES as u64 * STEPS as u64;
    let ns = |d: Duration, n: u64| d.as_nanos() as f64 / n as f64;
    let stats = db.stats();
    println!("append: {:.0} ns a sample; {} MB resident", ns(spent, samples), resident_mb());
    println!(
        "memory of samples {:.2} B each, log {:.2} B each",
        stats.memory_bytes as f64 / samples as f64,
        stats.disk_bytes as f64 / samples as f64
    );
    let begun = Instant::now();
    let found = db.select_points(&[Matcher::equal("job", "shop")], 0, NOW, usize::MAX)?;
    let read: u64 = found.iter().map(|s| s.samples.len() as u64).sum();
    println!("select of all: {:.1} ns a sample, {:?}", ns(begun.elapsed(), read), begun.elapsed());
    drop(found);
    drop(db);
    let begun = Instant::now();
    let db = Tsdb::open(config)?;
    println!("replay: {:.0} ns a sample, {:?}", ns(begun.elapsed(), samples), begun.elapsed());
    let begun = Instant::now();
    db.maintain(NOW + 3_600_000);
    let stats = db.stats();
    println!(
        "flush: {:?}, {} samples left in memory, blocks {:.2} B a sample",
        begun.elapsed(),
        samples - stats.samples.min(samples),
        stats.block_bytes as f64 / samples as f64
    );
    Ok(())
}
