//! Quantiles and fractions of classic histograms. Source: prometheus/promql/quantile.go.

/// Relative difference of neighbouring buckets that is taken for an error of rounding.
const TOLERANCE: f64 = 1e-12;

/// Cumulative count of a bucket that ends at `upper`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClassicBucket {
    pub upper: f64,
    pub count: f64,
}

/// Buckets whose counts fell with a rising bound and were lifted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lifted {
    pub first: f64,
    pub last: f64,
    pub largest: f64,
}

/// Equal but for an error of rounding.
fn is_close(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() || a == b {
        return true;
    }
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

/// Adds up buckets with the same bound; they are sorted.
fn coalesced(buckets: &[ClassicBucket]) -> Vec<ClassicBucket> {
    let mut out: Vec<ClassicBucket> = Vec::with_capacity(buckets.len());
    for b in buckets {
        match out.last_mut() {
            Some(last) if last.upper == b.upper => last.count += b.count,
            _ => out.push(*b),
        }
    }
    out
}

/// Counts never fall afterwards. Differences that rounding explains are taken away silently.
fn make_monotonic(buckets: &mut [ClassicBucket]) -> Option<Lifted> {
    let mut lifted: Option<Lifted> = None;
    let mut before = buckets.first()?.count;
    for b in buckets.iter_mut().skip(1) {
        if b.count == before {
            continue;
        }
        if is_close(before, b.count) {
            b.count = before;
        } else if b.count < before {
            let difference = before - b.count;
            b.count = before;
            let so_far = lifted.get_or_insert(Lifted { first: b.upper, last: b.upper, largest: 0.0 });
            so_far.first = so_far.first.min(b.upper);
            so_far.last = so_far.last.max(b.upper);
            so_far.largest = so_far.largest.max(difference);
        } else {
            before = b.count;
        }
    }
    lifted
}

/// The quantile by linear interpolation. `buckets` are sorted by bound and not empty.
pub(crate) fn quantile(q: f64, buckets: &[ClassicBucket]) -> (f64, Option<Lifted>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if buckets.last().is_none_or(|b| b.upper != f64::INFINITY) {
        return (f64::NAN, None);
    }
    let mut buckets = coalesced(buckets);
    let lifted = make_monotonic(&mut buckets);
    let [.., second_last, last] = buckets.as_slice() else { return (f64::NAN, lifted) };
    if last.count == 0.0 {
        return (f64::NAN, lifted);
    }
    let rank = q * last.count;
    let finite = &buckets[..buckets.len() - 1];
    let at = finite.partition_point(|b| b.count < rank || b.count.is_nan() || rank.is_nan());
    let value = match (finite.get(at), at.checked_sub(1).map(|before| finite[before])) {
        (None, _) => second_last.upper,
        (Some(b), None) if b.upper <= 0.0 => b.upper,
        (Some(b), None) => b.upper * (rank / b.count),
        (Some(b), Some(below)) => {
            below.upper + (b.upper - below.upper) * ((rank - below.count) / (b.count - below.count))
        }
    };
    (value, lifted)
}

/// The part of observations between `lower` and `upper`.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: &[ClassicBucket]) -> f64 {
    let Some(last) = buckets.last().filter(|b| b.upper == f64::INFINITY) else { return f64::NAN };
    let buckets = coalesced(buckets);
    let count = buckets.last().map_or(last.count, |b| b.count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let mut start = if buckets[0].upper <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let (mut rank, mut lower_rank, mut upper_rank) = (0.0, None, None);
    for b in &buckets {
        let rank_of = |limit: f64| {
            if start >= limit {
                Some(rank)
            } else if b.upper <= limit {
                None
            } else if start == f64::NEG_INFINITY {
                Some(b.count)
            } else {
                Some(rank + (b.count - rank) * (limit - start) / (b.upper - start))
            }
        };
        lower_rank = lower_rank.or_else(|| rank_of(lower));
        upper_rank = upper_rank.or_else(|| rank_of(upper));
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        rank = b.count;
        start = b.upper;
    }
    // What is no number stays so.
    let capped = |rank: Option<f64>| rank.map_or(count, |r| if r > count { count } else { r });
    (capped(upper_rank) - capped(lower_rank)) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<ClassicBucket> {
        pairs.iter().map(|(upper, count)| ClassicBucket { upper: *upper, count: *count }).collect()
    }

    #[test]
    fn a_quantile_lies_between_the_bounds_of_its_bucket() {
        let b = buckets(&[(0.1, 10.0), (0.2, 20.0), (f64::INFINITY, 40.0)]);
        assert!((quantile(0.25, &b).0 - 0.1).abs() < 1e-12);
        assert!((quantile(0.375, &b).0 - 0.15).abs() < 1e-12);
        assert_eq!(quantile(0.9, &b).0, 0.2);
        assert_eq!(quantile(2.0, &b).0, f64::INFINITY);
    }

    #[test]
    fn nothing_observed_has_no_quantile() {
        assert!(quantile(0.5, &buckets(&[(0.1, 0.0), (f64::INFINITY, 0.0)])).0.is_nan());
        assert!(quantile(0.5, &buckets(&[(0.1, 1.0)])).0.is_nan());
    }

    #[test]
    fn falling_counts_are_lifted_and_told() {
        let b = buckets(&[(1.0, 5.0), (2.0, 3.0), (f64::INFINITY, 6.0)]);
        assert_eq!(quantile(0.5, &b).1, Some(Lifted { first: 2.0, last: 2.0, largest: 2.0 }));
    }

    #[test]
    fn fractions_interpolate_but_not_in_endless_buckets() {
        let b = buckets(&[(1.0, 1.0), (2.0, 3.0), (3.0, 6.0), (f64::INFINITY, 100.0)]);
        assert!((fraction(0.0, 1.5, &b) - 0.02).abs() < 1e-12);
        assert_eq!(fraction(4.0, 5.0, &b), 0.0);
        assert_eq!(fraction(400.0, f64::INFINITY, &b), 0.94);
    }
}
