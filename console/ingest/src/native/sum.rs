//! Histograms added up (prometheus/model/histogram: `FloatHistogram.Add`).

use console_model::histogram::{BucketCount, Histogram};

use super::resolution;

/// Adds `other` to `total`, both of exponential buckets, at the coarser of their resolutions and the wider of their zero
/// buckets, and coarser still where more than `max_buckets` would be left; `false` where that does not help.
pub fn add(total: &mut Histogram, other: &Histogram, max_buckets: usize) -> bool {
    let mut other = other.clone();
    let schema = total.schema.min(other.schema);
    resolution::reduce(total, schema);
    resolution::reduce(&mut other, schema);
    while total.zero_threshold != other.zero_threshold {
        let threshold = total.zero_threshold.max(other.zero_threshold);
        widen(total, threshold);
        widen(&mut other, threshold);
    }
    total.zero_count += other.zero_count;
    total.count += other.count;
    total.sum += other.sum;
    total.positive = merged(&total.positive, &other.positive);
    total.negative = merged(&total.negative, &other.negative);
    resolution::limit(total, max_buckets)
}

/// Makes the zero bucket at least as wide as `threshold`. A bucket that the threshold would cut goes into it as a whole, and
/// widens it to its end.
fn widen(h: &mut Histogram, threshold: f64) {
    if threshold <= h.zero_threshold {
        return;
    }
    let bound = |index: i32| (f64::from(index) * f64::from(-h.schema).exp2()).exp2();
    let (mut reach, mut swallowed) = (threshold, 0.0);
    loop {
        let before = reach;
        for side in [&mut h.positive, &mut h.negative] {
            side.retain(|b| {
                let stays = bound(b.index.saturating_sub(1)) >= reach;
                if !stays {
                    swallowed += b.count;
                    reach = reach.max(bound(b.index));
                }
                stays
            });
        }
        if reach == before {
            break;
        }
    }
    h.zero_count += swallowed;
    h.zero_threshold = reach;
}

/// Both in order of index.
fn merged(a: &[BucketCount], b: &[BucketCount]) -> Vec<BucketCount> {
    let mut out: Vec<BucketCount> = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x.index <= y.index => a.next(),
            (_, Some(_)) => b.next(),
            (_, None) => a.next(),
        };
        let Some(bucket) = next else { return out };
        match out.last_mut().filter(|last| last.index == bucket.index) {
            Some(last) => last.count += bucket.count,
            None => out.push(*bucket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(schema: i32, zero_threshold: f64, buckets: &[(i32, f64)]) -> Histogram {
        let positive: Vec<_> =
            buckets.iter().map(|(index, count)| BucketCount { index: *index, count: *count }).collect();
        let count = 1.0 + positive.iter().map(|b| b.count).sum::<f64>();
        let zero_count = 1.0;
        Histogram { schema, zero_threshold, zero_count, count, sum: 2.0, positive, ..Histogram::default() }
    }

    fn sum(mut a: Histogram, b: &Histogram, max: usize) -> (i32, f64, f64, Vec<(i32, f64)>) {
        assert!(add(&mut a, b, max));
        assert_eq!((a.sum, a.zero_count + a.positive.iter().map(|b| b.count).sum::<f64>()), (4.0, a.count));
        let buckets = a.positive.iter().map(|b| (b.index, b.count)).collect();
        (a.schema, a.zero_threshold, a.zero_count, buckets)
    }

    #[test]
    fn buckets_add_up_at_the_coarser_resolution() {
        let fine = histogram(1, 0.001, &[(-1, 1.0), (0, 2.0), (3, 1.0)]);
        let coarse = histogram(0, 0.001, &[(-4, 5.0), (2, 3.0)]);
        let both = (0, 0.001, 2.0, vec![(-4, 5.0), (0, 3.0), (2, 4.0)]);
        assert_eq!(sum(fine.clone(), &coarse, 10), both);
        assert_eq!(sum(coarse, &fine, 10), both);
    }

    #[test]
    fn the_wider_zero_bucket_swallows_what_it_touches() {
        // Buckets 0 and 1 are (0.5, 1] and (1, 2]; 0.75 is inside the first.
        let narrow = histogram(0, 0.001, &[(-3, 1.0), (0, 2.0), (1, 4.0)]);
        let wide = histogram(0, 0.75, &[(3, 1.0)]);
        let both = (0, 1.0, 5.0, vec![(1, 4.0), (3, 1.0)]);
        assert_eq!(sum(narrow.clone(), &wide, 10), both);
        assert_eq!(sum(wide, &narrow, 10), both);
    }

    #[test]
    fn too_many_buckets_are_merged() {
        let (a, b) = (histogram(0, 0.0, &[(1, 1.0), (3, 1.0)]), histogram(0, 0.0, &[(2, 1.0), (4, 1.0)]));
        assert_eq!(sum(a.clone(), &b, 2), (-1, 0.0, 2.0, vec![(1, 2.0), (2, 2.0)]));
        let far = histogram(-4, 0.0, &[(i32::MIN, 1.0), (i32::MAX, 1.0)]);
        assert!(!add(&mut far.clone(), &a, 1));
    }
}
