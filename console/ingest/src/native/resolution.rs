//! Coarser buckets (prometheus/model/histogram: `ReduceResolution`).

use console_model::histogram::{BucketCount, CUSTOM_BUCKETS, Histogram};

/// The finest and the coarsest schema that are stored.
pub const FINEST: i32 = 8;
pub const COARSEST: i32 = -4;

/// Merges buckets until the schema is at most `schema`. Custom buckets cannot be merged, and stay.
pub fn reduce(h: &mut Histogram, schema: i32) {
    if h.has_custom_buckets() || h.schema <= schema {
        return;
    }
    let times = h.schema.abs_diff(schema);
    merge(&mut h.positive, times);
    merge(&mut h.negative, times);
    h.schema = schema;
}

/// Merges buckets until at most `max` are left; `false` where that cannot be.
pub fn limit(h: &mut Histogram, max: usize) -> bool {
    while h.positive.len() + h.negative.len() > max {
        if h.schema <= COARSEST || h.schema == CUSTOM_BUCKETS {
            return false;
        }
        reduce(h, h.schema - 1);
    }
    true
}

/// The finest schema whose buckets grow by at least `factor` from one to the next (prometheus/scrape: `pickSchema`).
pub fn schema_for(factor: f64) -> i32 {
    if factor <= 1.0 {
        return FINEST;
    }
    (-factor.log2().log2()).floor().clamp(f64::from(COARSEST), f64::from(FINEST)) as i32
}

/// `times` over, two neighbours become one.
fn merge(buckets: &mut Vec<BucketCount>, times: u32) {
    let times = times.min(31);
    let mut kept = 0usize;
    for at in 0..buckets.len() {
        let BucketCount { index, count } = buckets[at];
        // In 64 bits: the index may be the smallest there is.
        let index = (((i64::from(index) - 1) >> times) + 1) as i32;
        match kept.checked_sub(1).filter(|last| buckets[*last].index == index) {
            Some(last) => buckets[last].count += count,
            None => {
                buckets[kept] = BucketCount { index, count };
                kept += 1;
            }
        }
    }
    buckets.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(schema: i32, indices: &[i32]) -> Histogram {
        let positive = indices.iter().map(|index| BucketCount { index: *index, count: 1.0 }).collect();
        Histogram { schema, positive, ..Histogram::default() }
    }

    fn buckets(h: &Histogram) -> Vec<(i32, f64)> {
        h.positive.iter().map(|b| (b.index, b.count)).collect()
    }

    #[test]
    fn neighbours_become_one() {
        let mut h = histogram(2, &[i32::MIN, -3, -1, 0, 1, 2, 5, i32::MAX]);
        reduce(&mut h, 1);
        let merged = [(-1 << 30, 1.0), (-1, 1.0), (0, 2.0), (1, 2.0), (3, 1.0), (1 << 30, 1.0)];
        assert_eq!((h.schema, buckets(&h)), (1, merged.to_vec()));
        reduce(&mut h, 3);
        assert_eq!(h.schema, 1, "never finer");
    }

    #[test]
    fn a_limit_is_met_or_not() {
        let mut h = histogram(0, &[1, 2, 3, 4]);
        assert!(limit(&mut h, 2));
        assert_eq!((h.schema, buckets(&h)), (-1, vec![(1, 2.0), (2, 2.0)]));
        assert!(!limit(&mut histogram(-4, &[1, 2]), 1));
        assert!(!limit(&mut histogram(CUSTOM_BUCKETS, &[1, 2]), 1));
        assert!(!limit(&mut histogram(8, &[i32::MIN, 0, i32::MAX]), 2));
    }

    #[test]
    fn a_factor_names_a_schema() {
        let all = [(0.0, 8), (1.0, 8), (1.002, 8), (1.1, 2), (1.5, 0), (2.0, 0), (4.0, -1), (1e9, -4)];
        for (factor, schema) in all {
            assert_eq!(schema_for(factor), schema, "{factor}");
        }
    }
}
