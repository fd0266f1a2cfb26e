//! What every adapter of the metrics port is given.

use std::sync::Arc;

use console_model::{
    Labels,
    histogram::{BucketCount, Histogram},
    metric::{Exemplar, HistogramSample, Sample},
};
use console_storage::metrics::SeriesBatch;

/// Seconds between samples.
pub const STEP_S: i64 = 15;
/// Samples of a series.
pub const COUNT: i64 = 21;

/// With whole counts, as every version of Prometheus takes them.
pub fn histogram(factor: f64) -> Arc<Histogram> {
    let bucket = |(index, count): (i32, f64)| BucketCount { index, count: count * factor };
    Arc::new(Histogram {
        schema: 2,
        zero_threshold: 0.001,
        zero_count: factor,
        count: 7.0 * factor,
        sum: 12.5 * factor,
        positive: [(-3, 1.0), (-2, 2.0), (4, 1.0)].map(bucket).into(),
        negative: [(1, 2.0)].map(bucket).into(),
        ..Histogram::default()
    })
}

fn floats(pairs: &[(&str, &str)], end_s: i64, value: impl Fn(i64) -> f64) -> SeriesBatch {
    let at = |i: i64| Sample { t_ms: (end_s - (COUNT - 1 - i) * STEP_S) * 1000, v: value(i) };
    SeriesBatch::floats(Labels::from_pairs(pairs.iter().copied()), (0..COUNT).map(at).collect())
}

/// The last samples are of `end_s`.
pub fn batches(end_s: i64) -> Vec<SeriesBatch> {
    let up = |job: &str, instance: &str, v: f64| {
        floats(&[("__name__", "up"), ("job", job), ("instance", instance)], end_s, |_| v)
    };
    let special = |kind: &str, v: f64| floats(&[("__name__", "special"), ("kind", kind)], end_s, |_| v);
    let mut requests = floats(&[("__name__", "requests_total"), ("job", "edge")], end_s, |i| i as f64 * 3.0);
    requests.exemplars.push(Exemplar {
        labels: Labels::from_pairs([("trace_id", "4bf92f35")]),
        value: 0.25,
        t_ms: end_s * 1000 - 500,
    });
    let latency = SeriesBatch {
        labels: Labels::from_pairs([("__name__", "latency"), ("job", "shop")]),
        histograms: [(STEP_S, 1.0), (0, 3.0)]
            .map(|(ago, factor)| HistogramSample { t_ms: (end_s - ago) * 1000, h: histogram(factor) })
            .into(),
        ..SeriesBatch::default()
    };
    vec![
        up("shop", "a", 1.0),
        up("shop", "b", 0.0),
        up("edge", "c", 1.0),
        requests,
        special("inf", f64::INFINITY),
        special("nan", f64::NAN),
        special("ninf", f64::NEG_INFINITY),
        special("small", 1e-9),
        latency,
    ]
}
