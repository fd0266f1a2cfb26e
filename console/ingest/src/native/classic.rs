//! Classic buckets as custom ones ("NHCB"; prometheus/util/convertnhcb).

use console_model::histogram::{BucketCount, CUSTOM_BUCKETS, Histogram, ResetHint};

/// What is known of a classic histogram at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Classic {
    /// Bounds and running counts, in any order. Of two equal bounds the first counts.
    pub buckets: Vec<(f64, f64)>,
    pub count: Option<f64>,
    pub sum: f64,
}

impl Classic {
    /// The native histogram, or why there is none.
    pub fn build(mut self, reset_hint: ResetHint) -> Result<Histogram, String> {
        if self.buckets.iter().any(|(bound, _)| bound.is_nan()) {
            return Err("a bucket's bound is NaN".to_owned());
        }
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|later, first| later.0 == first.0);
        let last = self.buckets.last().copied();
        let count = self.count.or(last.map(|(_, n)| n)).unwrap_or(0.0);
        if last.is_none_or(|(bound, _)| bound != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let (mut positive, mut before) = (Vec::new(), 0.0);
        for (index, (bound, n)) in self.buckets.iter().enumerate() {
            if *n < before || n.is_nan() {
                return Err(format!("bucket {bound} counts {n}, the one before it {before}"));
            }
            if *n > before {
                positive.push(BucketCount { index: index as i32, count: n - before });
            }
            before = *n;
        }
        if before != count {
            return Err(format!("the buckets count {before}, but the count is {count}"));
        }
        let bounds: Vec<f64> = self.buckets.iter().map(|(bound, _)| *bound).collect();
        let bounds = &bounds[..bounds.len() - 1];
        if bounds.contains(&f64::NEG_INFINITY) {
            return Err("a bucket's bound is -Inf".to_owned());
        }
        Ok(Histogram {
            reset_hint,
            schema: CUSTOM_BUCKETS,
            count,
            sum: self.sum,
            positive,
            custom_values: bounds.into(),
            ..Histogram::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(buckets: &[(f64, f64)], count: Option<f64>) -> Result<(Vec<f64>, Vec<(i32, f64)>, f64), String> {
        let h = Classic { buckets: buckets.to_vec(), count, sum: 1.0 }.build(ResetHint::Unknown)?;
        let buckets = h.positive.iter().map(|b| (b.index, b.count)).collect();
        Ok((h.custom_values.to_vec(), buckets, h.count))
    }

    #[test]
    fn running_counts_become_buckets() {
        let all = [(1.0, 2.0), (0.5, 2.0), (f64::INFINITY, 5.0), (1.0, 9.0)];
        assert_eq!(build(&all, Some(5.0)), Ok((vec![0.5, 1.0], vec![(0, 2.0), (2, 3.0)], 5.0)));
        assert_eq!(build(&all[..2], Some(2.5)), Ok((vec![0.5, 1.0], vec![(0, 2.0), (2, 0.5)], 2.5)));
        assert_eq!(build(&all[..2], None), Ok((vec![0.5, 1.0], vec![(0, 2.0)], 2.0)));
        assert_eq!(build(&[], Some(3.0)), Ok((vec![], vec![(0, 3.0)], 3.0)));
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let said = |buckets: &[(f64, f64)], count| build(buckets, count).unwrap_err();
        assert!(said(&[(1.0, 2.0), (2.0, 1.0)], None).contains("counts 1, the one before it 2"));
        assert!(said(&[(1.0, -1.0)], None).contains("counts -1"));
        assert!(said(&[(f64::NAN, 1.0)], None).contains("NaN"));
        assert!(said(&[(f64::NEG_INFINITY, 1.0)], Some(1.0)).contains("-Inf"));
        assert!(said(&[(f64::INFINITY, 1.0)], Some(2.0)).contains("count 1, but the count is 2"));
        assert!(said(&[(1.0, f64::NAN)], None).contains("counts NaN"));
    }
}
