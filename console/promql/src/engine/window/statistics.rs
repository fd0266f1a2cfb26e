//! `*_over_time`: sums, means, extremes, spread, quantiles.

use std::sync::Arc;

use console_model::{
    histogram::ResetHint,
    metric::{HistogramSample, Sample},
};
use console_storage::SourceError;

use super::{Frame, Scope, seconds};
use crate::{
    function::Function,
    gofmt::general,
    histogram::{HistogramSum, MixedBuckets, divide},
    kahan::{Kahan, Mean},
    outcome::Point,
};

/// The population's variance, by Welford's method with compensation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deviation {
    count: f64,
    mean: Kahan,
    squares: Kahan,
}

impl Deviation {
    pub fn add(&mut self, v: f64) {
        self.count += 1.0;
        let delta = v - (self.mean.sum + self.mean.lost);
        self.mean.add(delta / self.count);
        self.squares.add(delta * (v - (self.mean.sum + self.mean.lost)));
    }

    pub fn variance(self) -> f64 {
        (self.squares.sum + self.squares.lost) / self.count
    }
}

/// The quantile of unsorted values; NaN counts as the smallest.
pub(crate) fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let rank = q * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// `sum_over_time` and `avg_over_time`, which take histograms too.
pub(super) fn total(scope: &Scope<'_>, f: &Frame<'_>) -> Option<Point> {
    if !f.floats.is_empty() && !f.histograms.is_empty() {
        scope.warn_mixed_kinds();
        return None;
    }
    let is_mean = scope.function == Function::AvgOverTime;
    if f.histograms.is_empty() {
        let values = f.floats.iter().map(|s| s.v);
        return Some(Point::Float(if is_mean {
            let mut mean = Mean::default();
            values.for_each(|v| mean.add(v));
            mean.value()
        } else {
            let mut sum = Kahan::default();
            values.for_each(|v| sum.add(v));
            sum.value()
        }));
    }
    let hints = |hint| f.histograms.iter().any(|h| h.h.reset_hint == hint);
    let sum = if is_mean { histogram_mean(scope, f.histograms) } else { histogram_sum(scope, f.histograms) };
    let Ok(sum) = sum else {
        scope.warn_mixed_buckets();
        return None;
    };
    if hints(ResetHint::Reset) && hints(ResetHint::NotReset) {
        scope.warn("conflicting counter resets during histogram aggregation");
    }
    // As in Prometheus, empty buckets stay.
    Some(Point::Histogram(Arc::new(sum.with_empty_buckets())))
}

fn histogram_sum(scope: &Scope<'_>, all: &[HistogramSample]) -> Result<HistogramSum, MixedBuckets> {
    let mut sum = HistogramSum::new(&all[0].h);
    for h in &all[1..] {
        if sum.add(&h.h)?.bounds_reconciled {
            scope.info_reconciled("aggregation");
        }
    }
    Ok(sum)
}

/// The mean, which becomes incremental where the sum would overflow.
fn histogram_mean(scope: &Scope<'_>, all: &[HistogramSample]) -> Result<HistogramSum, MixedBuckets> {
    let mut sum = HistogramSum::new(&all[0].h);
    let mut is_incremental = false;
    for (i, h) in all.iter().enumerate().skip(1) {
        let count = (i + 1) as f64;
        if !is_incremental {
            let mut next = sum.clone();
            if next.add(&h.h)?.bounds_reconciled {
                scope.info_reconciled("aggregation");
            }
            if !next.overflows() {
                sum = next;
                continue;
            }
            is_incremental = true;
            sum.divide(count - 1.0);
        }
        sum.multiply((count - 1.0) / count);
        if sum.add(&divide(&h.h, count))?.bounds_reconciled {
            scope.info_reconciled("aggregation");
        }
    }
    if !is_incremental {
        sum.divide(all.len() as f64);
    }
    Ok(sum)
}

/// The sample that `better` prefers, where NaN gives way to everything.
fn extreme(samples: &[Sample], better: impl Fn(f64, f64) -> bool) -> Option<Sample> {
    samples.iter().copied().reduce(|kept, s| if better(s.v, kept.v) || kept.v.is_nan() { s } else { kept })
}

/// Functions of the floats alone.
pub(super) fn of_floats(scope: &Scope<'_>, f: &Frame<'_>) -> Result<Option<f64>, SourceError> {
    if f.floats.is_empty() {
        return Ok(None);
    }
    let values = f.floats.iter().map(|s| s.v);
    let variance = || {
        let mut deviation = Deviation::default();
        values.clone().for_each(|v| deviation.add(v));
        deviation.variance()
    };
    let value = match scope.function {
        Function::MinOverTime => extreme(f.floats, |a, b| a < b).map(|s| s.v),
        Function::MaxOverTime => extreme(f.floats, |a, b| a > b).map(|s| s.v),
        Function::TsOfMinOverTime => extreme(f.floats, |a, b| a <= b).map(|s| seconds(s.t_ms)),
        Function::TsOfMaxOverTime => extreme(f.floats, |a, b| a >= b).map(|s| seconds(s.t_ms)),
        Function::StddevOverTime => Some(variance().sqrt()),
        Function::StdvarOverTime => Some(variance()),
        Function::QuantileOverTime => {
            let q = f.args[0];
            if !(0.0..=1.0).contains(&q) {
                scope.warn(format!("quantile value should be between 0 and 1, got {}", general(q)));
            }
            Some(quantile(q, values.collect()))
        }
        Function::MadOverTime if values.clone().any(f64::is_nan) => Some(f64::NAN),
        Function::MadOverTime => {
            let median = quantile(0.5, values.clone().collect());
            Some(quantile(0.5, values.map(|v| (v - median).abs()).collect()))
        }
        other => {
            let message = format!("function {:?} is not supported", other.name());
            return Err(SourceError::Unsupported(message));
        }
    };
    if !f.histograms.is_empty() {
        scope.info_ignored();
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_interpolate_and_take_nan_for_the_smallest() {
        assert_eq!(quantile(0.5, vec![4.0, 0.0, 1.0]), 1.0);
        assert_eq!(quantile(0.8, vec![f64::NAN, 0.0, 1.0]), 0.6000000000000001);
        assert!(quantile(0.2, vec![f64::NAN, 0.0, 1.0]).is_nan());
        assert_eq!(quantile(-1.0, vec![1.0]), f64::NEG_INFINITY);
    }
}
