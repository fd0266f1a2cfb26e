//! Native histograms as protocols carry them (spans and deltas), and the checks that Prometheus makes of them
//! (prometheus/model/histogram: `Validate`).

pub mod classic;
pub mod resolution;
pub mod sum;
pub mod wire;

use std::sync::Arc;

use console_model::histogram::{BucketCount, CUSTOM_BUCKETS, Histogram, ResetHint};

/// Resolutions of exponential buckets that senders may use; finer ones than [`resolution::FINEST`] are made coarser.
const SCHEMAS: std::ops::RangeInclusive<i64> = resolution::COARSEST as i64..=52;

/// Buckets that follow each other without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Of the first span: the first bucket's index; of another: the gap to the span before.
    pub offset: i64,
    pub length: u64,
}

/// One side of a histogram: counts as differences to the bucket before, or as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    pub spans: Vec<Span>,
    pub deltas: Vec<i64>,
    pub counts: Vec<f64>,
}

/// A histogram before it is checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    pub schema: i64,
    pub sum: f64,
    pub count: f64,
    pub zero_count: f64,
    pub zero_threshold: f64,
    /// Whether counts are whole numbers and buckets differences.
    pub is_whole: bool,
    pub positive: Side,
    pub negative: Side,
    pub custom_values: Vec<f64>,
    pub reset_hint: ResetHint,
}

impl Parts {
    /// The checked histogram, or what is wrong with it in words.
    pub fn build(self) -> Result<Histogram, String> {
        let schema = self.check_schema()?;
        let positive = self.positive.buckets(self.is_whole, "positive")?;
        let negative = self.negative.buckets(self.is_whole, "negative")?;
        if schema == CUSTOM_BUCKETS {
            let bounds = self.custom_values.len();
            let is_there = |index: i32| usize::try_from(index).is_ok_and(|i| i <= bounds);
            if let Some(b) = positive.iter().find(|b| !is_there(b.index)) {
                return Err(format!("there is no bucket {} between {bounds} custom bounds", b.index));
            }
        }
        for (what, count) in [("count", self.count), ("zero bucket", self.zero_count)] {
            if count < 0.0 {
                return Err(format!("{what} is negative ({count})"));
            }
        }
        if self.is_whole {
            let buckets = positive.iter().chain(&negative).map(|b| b.count).sum::<f64>() + self.zero_count;
            // Observations of NaN are in no bucket.
            if buckets > self.count || (buckets != self.count && !self.sum.is_nan()) {
                let count = self.count;
                return Err(format!("{buckets} observations in buckets, but the count is {count}"));
            }
        }
        let mut h = Histogram {
            reset_hint: self.reset_hint,
            schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive,
            negative,
            custom_values: Arc::from(self.custom_values),
        };
        if h.schema > resolution::FINEST {
            resolution::reduce(&mut h, resolution::FINEST);
        }
        Ok(h)
    }

    fn check_schema(&self) -> Result<i32, String> {
        if self.schema == i64::from(CUSTOM_BUCKETS) {
            let rising = self.custom_values.windows(2).all(|w| w[0] < w[1]);
            if !rising || !self.custom_values.iter().all(|v| v.is_finite()) {
                return Err("custom bounds must be finite and rise".to_owned());
            }
            if self.zero_count != 0.0 || self.zero_threshold != 0.0 || !self.negative.spans.is_empty() {
                return Err("custom buckets have no zero bucket and no negative side".to_owned());
            }
            return Ok(CUSTOM_BUCKETS);
        }
        if !SCHEMAS.contains(&self.schema) {
            return Err(format!("schema {} is not among -4 to 52 and -53", self.schema));
        }
        if !self.custom_values.is_empty() {
            return Err(format!("schema {} has no custom bounds", self.schema));
        }
        Ok(self.schema as i32)
    }
}

impl Side {
    /// Absolute counts by index; empty buckets are left out.
    fn buckets(&self, is_whole: bool, side: &str) -> Result<Vec<BucketCount>, String> {
        let have = if is_whole { self.deltas.len() } else { self.counts.len() };
        let need = self.spans.iter().fold(0u64, |sum, s| sum.saturating_add(s.length));
        if need != have as u64 {
            return Err(format!("{side} spans need {need} buckets, have {have}"));
        }
        let mut out = Vec::with_capacity(have);
        let (mut index, mut at, mut whole) = (0i64, 0usize, 0i64);
        for (i, span) in self.spans.iter().enumerate() {
            if i > 0 && span.offset < 0 {
                return Err(format!("{side} span {} has a negative offset ({})", i + 1, span.offset));
            }
            index = index.saturating_add(span.offset);
            for _ in 0..span.length {
                let count = if is_whole {
                    whole = whole.saturating_add(self.deltas[at]);
                    whole as f64
                } else {
                    self.counts[at]
                };
                at += 1;
                if count < 0.0 || count.is_nan() {
                    return Err(format!("{side} bucket {at} has {count} observations"));
                }
                let place =
                    i32::try_from(index).map_err(|_| format!("{side} bucket {at} is out of range"))?;
                if count != 0.0 {
                    out.push(BucketCount { index: place, count });
                }
                index = index.saturating_add(1);
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Parts {
        let spans = vec![Span { offset: -2, length: 2 }, Span { offset: 3, length: 1 }];
        Parts {
            schema: 1,
            sum: 4.0,
            count: 8.0,
            zero_count: 1.0,
            zero_threshold: 0.001,
            is_whole: true,
            positive: Side { spans, deltas: vec![3, -3, 4], counts: Vec::new() },
            ..Parts::default()
        }
    }

    #[test]
    fn spans_and_deltas_become_buckets() {
        let h = whole().build().unwrap();
        let buckets: Vec<(i32, f64)> = h.positive.iter().map(|b| (b.index, b.count)).collect();
        assert_eq!(buckets, [(-2, 3.0), (3, 4.0)]);
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        type Spoil = fn(&mut Parts);
        let cases: [(Spoil, &str); 8] = [
            (|p| p.positive.deltas.truncate(2), "positive spans need 3 buckets, have 2"),
            (|p| p.positive.spans[1].offset = -1, "positive span 2 has a negative offset (-1)"),
            (|p| p.positive.deltas[1] = -4, "positive bucket 2 has -1 observations"),
            (|p| p.count = 9.0, "8 observations in buckets, but the count is 9"),
            (|p| p.schema = 53, "schema 53"),
            (|p| p.custom_values = vec![1.0], "no custom bounds"),
            (|p| p.positive.spans[0].offset = i64::MAX, "out of range"),
            (|p| p.schema = -53, "no zero bucket"),
        ];
        for (spoil, message) in cases {
            let mut parts = whole();
            spoil(&mut parts);
            let said = parts.build().unwrap_err();
            assert!(said.contains(message), "{said} instead of {message}");
        }
        let custom = || Parts { schema: -53, zero_count: 0.0, zero_threshold: 0.0, count: 7.0, ..whole() };
        let said = |custom_values: &[f64], offset: i64| {
            let mut parts = Parts { custom_values: custom_values.to_vec(), ..custom() };
            parts.positive.spans[0].offset = offset;
            parts.build().err().unwrap_or_default()
        };
        assert!(said(&[1.0, 2.0], -1).contains("no bucket -1"));
        assert!(said(&[1.0, 2.0], 0).contains("no bucket 5 between 2 custom bounds"));
        assert!(said(&[1.0, f64::INFINITY], 0).contains("finite"));
        assert_eq!(said(&[1.0, 2.0, 3.0, 4.0, 5.0], 0), "");
        // NaN observed twice: counted, in no bucket.
        assert!(Parts { sum: f64::NAN, count: 10.0, ..whole() }.build().is_ok());
        let spans = vec![Span { offset: 0, length: u64::MAX }, Span { offset: 0, length: 1 }];
        assert!(Parts { positive: Side { spans, ..Side::default() }, ..whole() }.build().is_err());
    }
}
