//! What range functions that need every value make of those of one window: quantiles and counters.

use super::range::Point;
use crate::ast::{RangeAggregation, RangeFunction};

/// `window` is not empty and lies in `(bounds.0, bounds.1]`.
pub(super) fn over_window(
    range: &RangeAggregation,
    window: &[Point],
    bounds: (i64, i64),
    scratch: &mut Vec<f64>,
) -> f64 {
    if range.function == RangeFunction::RateCounter {
        return counter_rate(window, bounds, range.range_ns as f64 / 1e9);
    }
    scratch.clear();
    scratch.extend(window.iter().map(|p| p.1));
    quantile(range.parameter, scratch)
}

/// Population variance (Welford).
pub(super) fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut n, mut mean, mut sum) = (0.0, 0.0, 0.0);
    for v in values {
        n += 1.0;
        let delta = v - mean;
        mean += delta / n;
        sum += delta * (v - mean);
    }
    sum / n
}

/// Linear interpolation between ranks, as Prometheus' `quantile`; NaN sorts first.
fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| {
        b.is_nan().cmp(&a.is_nan()).then(a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal))
    });
    let rank = q * (values.len() - 1) as f64;
    let (lower, upper) = (rank.floor() as usize, (rank.floor() as usize + 1).min(values.len() - 1));
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// Increase a second with resets added back, extrapolated towards the window's edges as Prometheus' `rate`.
fn counter_rate(window: &[Point], bounds: (i64, i64), seconds: f64) -> f64 {
    let [first, .., last] = window else { return 0.0 };
    let mut increase = last.1 - first.1;
    for pair in window.windows(2) {
        if pair[1].1 < pair[0].1 {
            increase += pair[0].1;
        }
    }
    let between = |a: i64, b: i64| (b - a) as f64 / 1e9;
    let sampled = between(first.0, last.0);
    let average = sampled / (window.len() - 1) as f64;
    let threshold = average * 1.1;
    let (mut to_start, mut to_end) = (between(bounds.0, first.0), between(last.0, bounds.1));
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if increase > 0.0 && first.1 >= 0.0 {
        // A counter does not start below zero.
        to_start = to_start.min(sampled * (first.1 / increase));
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    increase * ((sampled + to_start + to_end) / sampled) / seconds
}
