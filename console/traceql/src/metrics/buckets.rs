//! Histograms whose buckets end at powers of two, as Tempo's do: a bucket's count is of values above half its end.

/// Counts by exponent, ascending. The exponent of what is not above zero is [`NOTHING`].
#[derive(Clone, Debug, Default)]
pub struct Buckets(Vec<(i16, f64)>);

const NOTHING: i16 = i16::MIN;

/// The exponent of the bucket that a value falls into.
pub fn exponent(value: f64) -> i16 {
    if value > 0.0 { value.log2().ceil() as i16 } else { NOTHING }
}

/// Where the bucket of an exponent ends.
pub fn end(exponent: i16) -> f64 {
    if exponent == NOTHING { 0.0 } else { f64::from(exponent).exp2() }
}

impl Buckets {
    /// Answers whether the bucket is new.
    pub fn add(&mut self, value: f64) -> bool {
        let exponent = exponent(value);
        match self.0.binary_search_by_key(&exponent, |(e, _)| *e) {
            Ok(i) => {
                self.0[i].1 += 1.0;
                false
            }
            Err(i) => {
                self.0.insert(i, (exponent, 1.0));
                true
            }
        }
    }

    /// The value that a share `q` of all is not above; exponential within a bucket. None without values.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let total: f64 = self.0.iter().map(|(_, n)| n).sum();
        let rank = (q * total).ceil().max(1.0);
        let mut before = 0.0;
        for (exponent, n) in &self.0 {
            if before + n >= rank {
                return Some(end(*exponent) * ((rank - before) / n - 1.0).exp2());
            }
            before += n;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_the_power_of_two_that_is_not_below_them() {
        assert_eq!([1.0, 2.0, 2.1, 4.0, 5.0, 0.5].map(|v| end(exponent(v))), [1.0, 2.0, 4.0, 4.0, 8.0, 0.5]);
        assert_eq!([end(exponent(0.0)), end(exponent(-3.0))], [0.0, 0.0]);
    }

    #[test]
    fn a_quantile_lies_between_half_a_bucket_and_its_end() {
        let mut b = Buckets::default();
        assert_eq!(b.quantile(0.5), None);
        for v in [3.0, 4.0, 7.0, 8.0] {
            b.add(v);
        }
        assert_eq!(
            (b.quantile(0.5), b.quantile(1.0), b.quantile(0.0)),
            (Some(4.0), Some(8.0), Some(4.0 * (-0.5f64).exp2()))
        );
        assert_eq!(b.quantile(0.75), Some(8.0 * (-0.5f64).exp2()));
    }
}
