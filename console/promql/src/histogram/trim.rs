//! Cutting observations off below or above a value. Source: float_histogram.go, `TrimBuckets`.

use console_model::histogram::Histogram;

use super::{Bucket, compact, negative_bucket, positive_bucket, zero_bucket};

/// Which observations stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Below,
    Above,
}

/// Keeps the observations on one side of `at`; a bucket that holds `at` is divided by interpolation.
pub(crate) fn trim(h: &Histogram, at: f64, keep: Keep) -> Histogram {
    let is_custom = h.has_custom_buckets();
    let mut out = h.clone();
    let (mut count, mut sum, mut is_trimmed) = (0.0, 0.0, false);
    let mut part = |bucket: Bucket, is_positive: bool| {
        let (whole, some) = match keep {
            Keep::Below => (bucket.upper <= at, bucket.lower < at),
            Keep::Above => (bucket.lower >= at, bucket.upper > at),
        };
        let (kept, middle) = if whole {
            (bucket.count, middle(bucket.lower, bucket.upper, is_positive, is_custom))
        } else if some {
            divided(bucket, at, keep, is_positive, is_custom)
        } else {
            (0.0, 0.0)
        };
        is_trimmed |= kept != bucket.count;
        count += kept;
        sum += middle * kept;
        kept
    };
    for (kept, b) in out.positive.iter_mut().zip(&h.positive).filter(|(_, b)| b.count != 0.0) {
        kept.count = part(positive_bucket(h, *b), true);
    }
    for (kept, b) in out.negative.iter_mut().zip(&h.negative).filter(|(_, b)| b.count != 0.0) {
        kept.count = part(negative_bucket(h, *b), false);
    }
    if h.zero_count > 0.0 {
        let populated =
            |buckets: &[console_model::histogram::BucketCount]| buckets.iter().any(|b| b.count != 0.0);
        let mut bucket = zero_bucket(h);
        match (populated(&h.negative), populated(&h.positive)) {
            (true, false) => bucket.upper = 0.0,
            (false, true) => bucket.lower = 0.0,
            _ => {}
        }
        let (kept, middle) = divided_zero(bucket, at, keep);
        is_trimmed |= kept != h.zero_count;
        out.zero_count = kept;
        count += kept;
        sum += middle * kept;
    }
    if is_trimmed {
        out.count = count;
        out.sum = sum;
        compact(&mut out);
    }
    out
}

fn divided_zero(b: Bucket, at: f64, keep: Keep) -> (f64, f64) {
    let width = b.upper - b.lower;
    let whole = (b.count, f64::midpoint(b.lower, b.upper));
    match keep {
        Keep::Below if at <= b.lower => (0.0, 0.0),
        Keep::Below if at >= b.upper => whole,
        Keep::Below => (b.count * ((at - b.lower) / width), f64::midpoint(b.lower, at)),
        Keep::Above if at <= b.lower => whole,
        Keep::Above if at >= b.upper => (0.0, 0.0),
        Keep::Above => (b.count * ((b.upper - at) / width), f64::midpoint(at, b.upper)),
    }
}

fn divided(b: Bucket, at: f64, keep: Keep, is_positive: bool, is_linear: bool) -> (f64, f64) {
    if b.lower == f64::NEG_INFINITY || b.upper == f64::INFINITY {
        return divided_infinite(b, at, keep);
    }
    let below = if at <= b.lower {
        0.0
    } else if at >= b.upper {
        b.count
    } else {
        b.count * b.fraction_below(at, is_linear)
    };
    match keep {
        Keep::Below => (below, middle(b.lower, at, is_positive, is_linear)),
        Keep::Above => (b.count - below, middle(at, b.upper, is_positive, is_linear)),
    }
}

/// Nothing is known about where observations lie in a bucket without end: it stays or goes as a whole, but for a first
/// custom bucket with a positive bound, which is taken to start at zero.
fn divided_infinite(b: Bucket, at: f64, keep: Keep) -> (f64, f64) {
    let finite = |v: f64| if v.is_infinite() { 0.0 } else { v };
    if b.lower == f64::NEG_INFINITY {
        let starts_at_zero = b.upper > 0.0 && b.upper != f64::INFINITY;
        return match keep {
            Keep::Below if at >= b.upper => (b.count, 0.0),
            Keep::Below if at > 0.0 && starts_at_zero => (b.count * at / b.upper, at / 2.0),
            Keep::Below if b.upper <= 0.0 => (b.count, at),
            Keep::Above if at <= b.lower => (b.count, 0.0),
            Keep::Above if at >= 0.0 && starts_at_zero && b.upper > at => {
                (b.count * (1.0 - at / b.upper), f64::midpoint(at, b.upper))
            }
            _ => (0.0, finite(b.upper)),
        };
    }
    match keep {
        Keep::Above if at >= b.lower => (b.count, at),
        _ => (0.0, finite(b.lower)),
    }
}

fn middle(lower: f64, upper: f64, is_positive: bool, is_linear: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) => {
            if upper > 0.0 {
                upper / 2.0
            } else {
                upper
            }
        }
        (false, true) => lower,
        (false, false) if is_linear => f64::midpoint(lower, upper),
        (false, false) => {
            let mean = (lower * upper).abs().sqrt();
            if is_positive { mean } else { -mean }
        }
    }
}
