//! Quantiles and fractions of native histograms. Source: prometheus/promql/quantile.go.

use console_model::histogram::Histogram;

use super::{Bucket, all_buckets};
use crate::kahan::Kahan;

/// What NaN observations did to a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    ResultIsNan,
    ResultIsSkewed,
    FractionExcludesNan,
}

/// Only one side has buckets: the zero bucket ends at zero.
fn cut_at_zero(h: &Histogram, b: &mut Bucket) {
    if h.negative.is_empty() && !h.positive.is_empty() {
        b.lower = 0.0;
    } else if h.positive.is_empty() && !h.negative.is_empty() {
        b.upper = 0.0;
    }
}

pub(crate) fn quantile(q: f64, h: &Histogram) -> (f64, Option<Advice>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if h.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    let has_nan = h.sum.is_nan();
    let forward = has_nan || q < 0.5;
    let mut buckets = all_buckets(h);
    let mut rank = if forward { q } else { 1.0 - q } * h.count;
    if !forward {
        buckets.reverse();
    }
    let (mut bucket, mut count) = (Bucket { lower: 0.0, upper: 0.0, count: 0.0 }, 0.0);
    let mut rest = buckets.iter();
    for b in rest.by_ref() {
        bucket = *b;
        if b.count == 0.0 {
            continue;
        }
        count += b.count;
        if count >= rank {
            break;
        }
    }
    if h.has_custom_buckets() {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return (bucket.upper, None);
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return (bucket.lower, None);
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        cut_at_zero(h, &mut bucket);
    }
    count = count.min(h.count);
    if count < rank {
        return if has_nan { (f64::NAN, Some(Advice::ResultIsNan)) } else { (bucket.upper, None) };
    }
    rank = if forward { rank - (count - bucket.count) } else { count - rank };
    let mut all = count;
    if has_nan {
        for b in rest {
            all += b.count;
            // Prometheus goes on with the last bucket it has looked at, and so interpolates in that one.
            bucket = *b;
        }
    }
    let advice = (has_nan && all < h.count).then_some(Advice::ResultIsSkewed);
    let fraction = rank / bucket.count;
    if h.has_custom_buckets() || bucket.lower <= 0.0 && bucket.upper >= 0.0 {
        return (bucket.lower + (bucket.upper - bucket.lower) * fraction, advice);
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    let value = if bucket.lower > 0.0 {
        (lower + (upper - lower) * fraction).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - fraction)).exp2()
    };
    (value, advice)
}

/// The part of observations between `lower` and `upper`.
pub(crate) fn fraction(lower: f64, upper: f64, h: &Histogram) -> (f64, Option<Advice>) {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let buckets = all_buckets(h);
    let (mut rank, mut lower_rank, mut upper_rank) = (0.0, None, None);
    for b in &buckets {
        let mut b = *b;
        let is_zero = b.lower <= 0.0 && b.upper >= 0.0;
        if is_zero {
            cut_at_zero(h, &mut b);
        }
        let is_linear = h.has_custom_buckets() || is_zero;
        let rank_of = |limit: f64| {
            if b.lower >= limit {
                return Some(rank);
            }
            let inside = b.lower < limit && b.upper > limit;
            inside.then(|| match b.lower {
                f64::NEG_INFINITY if is_linear => b.count,
                _ => rank + b.count * b.fraction_below(limit, is_linear),
            })
        };
        lower_rank = lower_rank.or_else(|| rank_of(lower));
        upper_rank = upper_rank.or_else(|| rank_of(upper));
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        rank += b.count;
    }
    let (mut count, mut advice) = (h.count, None);
    if h.sum.is_nan() {
        count = buckets.iter().map(|b| b.count).sum();
        advice = (count < h.count).then_some(Advice::FractionExcludesNan);
    }
    // What is no number stays so.
    let capped = |rank: Option<f64>| rank.map_or(count, |r| if r > count { count } else { r });
    ((capped(upper_rank) - capped(lower_rank)) / h.count, advice)
}

/// The variance that the buckets' middles give.
pub(crate) fn variance(h: &Histogram) -> f64 {
    let mean = h.sum / h.count;
    let mut total = Kahan::default();
    for b in all_buckets(h).iter().filter(|b| b.count != 0.0) {
        let middle = if h.has_custom_buckets() {
            f64::midpoint(b.upper, b.lower)
        } else if b.lower <= 0.0 && b.upper >= 0.0 {
            0.0
        } else {
            (b.upper * b.lower).sqrt().copysign(b.upper)
        };
        let delta = middle - mean;
        total.add(b.count * delta * delta);
    }
    (total.sum + total.lost) / h.count
}
