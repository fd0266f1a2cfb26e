//! Arithmetic on native histograms. Semantics: prometheus/model/histogram/float_histogram.go.
//!
//! What holds: the buckets of a result are sorted by index. Empty ones are kept where Prometheus keeps them: it shows in
//! what is multiplied by infinity, and in which side of zero has buckets.

mod bounds;
mod quantile;
mod reset;
mod sum;
mod text;
mod trim;

use console_model::histogram::{BucketCount, Histogram, ResetHint};

pub(crate) use quantile::{Advice, fraction, quantile, variance};
pub use reset::is_reset;
pub use sum::{Added, HistogramSum, MixedBuckets, add, subtract};
pub(crate) use text::describe;
pub(crate) use trim::{Keep, trim};

/// One bucket with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    pub lower: f64,
    pub upper: f64,
    pub count: f64,
}

impl Bucket {
    /// The part of the bucket's width at or below `v`, which lies inside finite bounds: linear, or by logarithm as
    /// exponential buckets are divided.
    pub fn fraction_below(&self, v: f64, is_linear: bool) -> f64 {
        if is_linear {
            return (v - self.lower) / (self.upper - self.lower);
        }
        let (lower, upper, at) = (self.lower.abs().log2(), self.upper.abs().log2(), v.abs().log2());
        if v > 0.0 { (at - lower) / (upper - lower) } else { 1.0 - (at - upper) / (lower - upper) }
    }
}

/// The upper bound of the positive bucket `index`.
pub(crate) fn bound(h: &Histogram, index: i32) -> f64 {
    if h.has_custom_buckets() {
        return match usize::try_from(index) {
            Err(_) => f64::NEG_INFINITY,
            Ok(i) => h.custom_values.get(i).copied().unwrap_or(f64::INFINITY),
        };
    }
    exponential_bound(h.schema, index)
}

fn exponential_bound(schema: i32, index: i32) -> f64 {
    // The last bucket of regular numbers ends at the largest of them, not at infinity.
    let last = if schema < 0 { 1024 >> -schema } else { 1024 << schema };
    match index.cmp(&last) {
        std::cmp::Ordering::Equal => f64::MAX,
        std::cmp::Ordering::Greater => f64::INFINITY,
        std::cmp::Ordering::Less if schema < 0 => 2f64.powi(index << -schema),
        std::cmp::Ordering::Less => bounds::bound(schema, index),
    }
}

pub(crate) fn positive_bucket(h: &Histogram, b: BucketCount) -> Bucket {
    Bucket { lower: bound(h, b.index - 1), upper: bound(h, b.index), count: b.count }
}

pub(crate) fn negative_bucket(h: &Histogram, b: BucketCount) -> Bucket {
    Bucket { lower: -bound(h, b.index), upper: -bound(h, b.index - 1), count: b.count }
}

pub(crate) fn zero_bucket(h: &Histogram) -> Bucket {
    Bucket { lower: -h.zero_threshold, upper: h.zero_threshold, count: h.zero_count }
}

/// All buckets from the lowest to the highest, cut where they reach into the zero bucket.
pub fn all_buckets(h: &Histogram) -> Vec<Bucket> {
    let mut out = Vec::with_capacity(h.positive.len() + h.negative.len() + 1);
    out.extend(h.negative.iter().rev().map(|b| {
        let mut b = negative_bucket(h, *b);
        if b.upper < 0.0 && b.upper > -h.zero_threshold {
            b.upper = -h.zero_threshold;
        }
        b
    }));
    if h.zero_count > 0.0 {
        out.push(zero_bucket(h));
    }
    out.extend(h.positive.iter().map(|b| {
        let mut b = positive_bucket(h, *b);
        if b.lower > 0.0 && b.lower < h.zero_threshold {
            b.lower = h.zero_threshold;
        }
        b
    }));
    out
}

/// Drops empty buckets.
pub(crate) fn compact(h: &mut Histogram) {
    h.positive.retain(|b| b.count != 0.0);
    h.negative.retain(|b| b.count != 0.0);
}

/// Multiplies every count and the sum. A negative factor makes a gauge.
#[must_use]
pub fn scale(h: &Histogram, factor: f64) -> Histogram {
    mapped(h, factor, |v| v * factor)
}

/// Divides every count and the sum. Division by zero leaves no buckets.
#[must_use]
pub(crate) fn divide(h: &Histogram, divisor: f64) -> Histogram {
    let mut out = mapped(h, divisor, |v| v / divisor);
    if divisor == 0.0 {
        out.positive.clear();
        out.negative.clear();
    }
    out
}

fn mapped(h: &Histogram, by: f64, f: impl Fn(f64) -> f64) -> Histogram {
    let mut out = h.clone();
    out.zero_count = f(h.zero_count);
    out.count = f(h.count);
    out.sum = f(h.sum);
    out.positive.iter_mut().chain(&mut out.negative).for_each(|b| b.count = f(b.count));
    if by < 0.0 {
        out.reset_hint = ResetHint::Gauge;
    }
    out
}

/// Whether two histograms hold the same data, bit by bit. Reset hints do not count.
pub(crate) fn is_equal(a: &Histogram, b: &Histogram) -> bool {
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits();
    let same_buckets = |a: &[BucketCount], b: &[BucketCount]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.index == b.index && same(a.count, b.count))
    };
    a.schema == b.schema
        && same(a.count, b.count)
        && same(a.sum, b.sum)
        && (!a.has_custom_buckets() || a.custom_values == b.custom_values)
        && a.zero_threshold == b.zero_threshold
        && same(a.zero_count, b.zero_count)
        && same_buckets(&a.positive, &b.positive)
        && same_buckets(&a.negative, &b.negative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_follow_the_schema() {
        assert_eq!(exponential_bound(0, 0), 1.0);
        assert_eq!(exponential_bound(0, 3), 8.0);
        assert_eq!(exponential_bound(-1, 1), 4.0);
        assert!((exponential_bound(1, 1) - std::f64::consts::SQRT_2).abs() < 1e-15);
        assert_eq!(exponential_bound(0, 1024), f64::MAX);
        assert_eq!(exponential_bound(0, 1025), f64::INFINITY);
        assert_eq!(exponential_bound(0, -2), 0.25);
    }
}
