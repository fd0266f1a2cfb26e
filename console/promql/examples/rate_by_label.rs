//! How long `sum by (a) (rate(x[5m]))` takes over many series: `cargo run --release --example rate_by_label`.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use console_model::{
    Labels, Matcher, TimeRange,
    metric::{MetricMetadata, Sample, Series},
};
use console_promql::{Moments, PromqlLimits, evaluate};
use console_storage::{SourceError, StorageError, metrics::SeriesReader};

const SERIES: usize = 20_000;
const STEPS: i64 = 240;
const SCRAPE_MS: i64 = 15_000;
const STEP_MS: i64 = 15_000;
const RANGE_MS: i64 = 300_000;

/// The same counter in every series; reading costs a copy.
struct Counters(Vec<Series>);

impl SeriesReader for Counters {
    fn select(
        &self,
        _: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        _: usize,
    ) -> Result<Vec<Series>, StorageError> {
        let cut = |s: &Series| {
            let from = s.samples.partition_point(|s| s.t_ms < start_ms);
            let to = s.samples.partition_point(|s| s.t_ms <= end_ms);
            Series { labels: s.labels.clone(), samples: s.samples[from..to].to_vec() }
        };
        Ok(self.0.iter().map(cut).collect())
    }

    fn series(&self, _: &[Matcher], _: TimeRange, _: usize) -> Result<Vec<Labels>, StorageError> {
        Ok(Vec::new())
    }

    fn label_names(&self, _: &[Matcher], _: TimeRange, _: usize) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn label_values(
        &self,
        _: &str,
        _: &[Matcher],
        _: TimeRange,
        _: usize,
    ) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn metadata(&self, _: Option<&str>, _: usize) -> Result<Vec<MetricMetadata>, StorageError> {
        Ok(Vec::new())
    }
}

fn counters() -> Counters {
    let series = |i: usize| {
        let (a, b) = ((i % 50).to_string(), i.to_string());
        let labels =
            Labels::from_pairs([("__name__", "x_total"), ("a", &a), ("instance", &b), ("job", "shop")]);
        let samples = (0..STEPS + RANGE_MS / SCRAPE_MS)
            .map(|n| Sample { t_ms: n * SCRAPE_MS, v: (n * (i as i64 % 7 + 1)) as f64 });
        Series { labels, samples: samples.collect() }
    };
    Counters((0..SERIES).map(series).collect())
}

fn main() -> Result<(), SourceError> {
    let reader = counters();
    let limits = PromqlLimits { max_samples: 100_000_000, ..PromqlLimits::default() };
    let moments =
        Moments::Range { start_ms: RANGE_MS, end_ms: RANGE_MS + (STEPS - 1) * STEP_MS, step_ms: STEP_MS };
    for text in ["x_total", "rate(x_total[5m])", "sum by (a) (rate(x_total[5m]))"] {
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let begun = Instant::now();
            evaluate(&reader, text, moments, &limits, &Arc::new(AtomicBool::new(false)))?;
            best = best.min(begun.elapsed().as_secs_f64());
        }
        println!("{text}: {:.0} ms, {SERIES} series, {STEPS} steps", best * 1000.0);
    }
    Ok(())
}
