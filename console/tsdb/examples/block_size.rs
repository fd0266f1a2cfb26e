//! Bytes a sample of a block on a day-like data set (counters and gauges, two hours at 15 s), beside the chunks of memory
//! and the same chunks under zstd: `cargo run --release -p console-tsdb --example block_size`.

use std::sync::Arc;

use console_model::{Labels, metric::Sample};
use console_storage::metrics::{SampleAppender, SeriesBatch, SeriesReader};
use console_tsdb::{Tsdb, TsdbConfig, chunk::Chunk};

const NOW: i64 = 1_700_000_000_000;
const SERIES: usize = 2_000;
const SAMPLES: usize = 480;

/// A small generator: the same data on every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A third each: counters of requests, gauges of two decimals, and histogram buckets that seldom change. The times of a
/// series are regular but for a jitter of some milliseconds in every tenth scrape.
fn series(n: usize, noise: &mut Noise) -> Vec<Sample> {
    let start = NOW - 7 * 3_600_000 + noise.below(15_000) as i64;
    let (mut counter, mut gauge) = (noise.below(1_000_000), 50_000i64);
    let rate = 1 + noise.below(40);
    (0..SAMPLES)
        .map(|i| {
            let jitter = if noise.below(10) == 0 { noise.below(4) as i64 } else { 0 };
            let v = match n % 3 {
                0 => {
                    counter += noise.below(rate);
                    counter as f64
                }
                1 => {
                    gauge += noise.below(41) as i64 - 20;
                    gauge as f64 / 100.0
                }
                _ => {
                    counter += u64::from(noise.below(8) == 0);
                    counter as f64
                }
            };
            Sample { t_ms: start + i as i64 * 15_000 + jitter, v }
        })
        .collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let config = TsdbConfig {
        clock: Arc::new(|| NOW),
        retention_ms: 48 * 3_600_000,
        max_block_ms: 0,
        ..TsdbConfig::new(dir.path())
    };
    let db = Tsdb::open(config)?;
    let mut noise = Noise(7);
    let (mut plain, mut packed) = (0, 0);
    let mut run = Vec::new();
    for n in 0..SERIES {
        let samples = series(n, &mut noise);
        for part in samples.chunks(120) {
            let bytes = Chunk::from_samples(part).map(|c| c.bytes).unwrap_or_default();
            plain += bytes.len();
            run.extend_from_slice(&bytes);
        }
        if run.len() > 64 << 10 || n + 1 == SERIES {
            packed += zstd::bulk::compress(&run, 3)?.len();
            run.clear();
        }
        let labels = Labels::from_pairs([
            ("__name__", ["requests_total", "queue_seconds", "latency_bucket"][n % 3]),
            ("instance", &format!("shop-{}:8080", n / 30)),
            ("route", &format!("/api/{}", n % 30)),
        ]);
        db.append(&[SeriesBatch::floats(labels, samples)])?;
    }
    let started = std::time::Instant::now();
    db.maintain(NOW);
    let flushed = started.elapsed();
    let stats = db.stats();
    let total = (SERIES * SAMPLES) as f64;
    let started = std::time::Instant::now();
    let read: usize = db.select(&[], i64::MIN, i64::MAX, usize::MAX)?.iter().map(|s| s.samples.len()).sum();
    println!("xor chunks          {:.3} B a sample", plain as f64 / total);
    println!("xor chunks, zstd    {:.3} B a sample", packed as f64 / total);
    println!(
        "blocks, with index  {:.3} B a sample ({} blocks)",
        stats.block_bytes as f64 / total,
        stats.blocks
    );
    println!("flushed in {flushed:?}; {read} samples read in {:?}", started.elapsed());
    Ok(())
}
