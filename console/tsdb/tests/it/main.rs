//! The metrics store through its ports.

mod blocks;
mod codec;
mod crash;
mod damage;
mod disk_full;
mod histograms;
mod limits;
mod random_kills;
mod retention;
mod store;
mod versions;

use std::{path::Path, sync::Arc};

use console_model::{Labels, MatchOp, Matcher, metric::Sample};
use console_storage::metrics::{SeriesBatch, SeriesReader};
use console_tsdb::{Tsdb, TsdbConfig};

const NOW: i64 = 1_700_000_000_000;

fn config(dir: &Path) -> TsdbConfig {
    TsdbConfig { clock: Arc::new(|| NOW), ..TsdbConfig::new(dir) }
}

fn open(dir: &Path) -> Tsdb {
    Tsdb::open(config(dir)).unwrap()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

/// `samples` are seconds before now, and values.
fn batch(pairs: &[(&str, &str)], samples: &[(i64, f64)]) -> SeriesBatch {
    let samples = samples.iter().map(|(ago, v)| Sample { t_ms: NOW - ago * 1000, v: *v });
    SeriesBatch::floats(labels(pairs), samples.collect())
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Matcher {
    Matcher { name: name.into(), op, value: value.into() }
}

/// All samples of the one series with this name: seconds before now, and values.
fn samples(db: &Tsdb, name: &str) -> Vec<(i64, f64)> {
    let found = db.select(&[Matcher::equal("__name__", name)], i64::MIN, i64::MAX, usize::MAX).unwrap();
    assert!(found.len() <= 1, "{found:?}");
    found.iter().flat_map(|s| s.samples.iter().map(|p| ((NOW - p.t_ms) / 1000, p.v))).collect()
}
