//! A histogram with classic buckets and the newest exemplar of each.

use console_model::span::{SpanId, TraceId};

/// The span behind a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Example {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub value_s: f64,
    pub t_ms: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    /// Of each bound, and above all of them; not added up.
    counts: Box<[u64]>,
    sum_s: f64,
    /// Not written yet.
    examples: Box<[Option<Example>]>,
}

impl Histogram {
    pub fn new(bounds: usize) -> Self {
        Self { counts: vec![0; bounds + 1].into(), sum_s: 0.0, examples: vec![None; bounds + 1].into() }
    }

    /// `bounds` are inclusive and rise.
    pub fn observe(&mut self, bounds: &[f64], example: Example) {
        let bucket = bounds.partition_point(|bound| *bound < example.value_s);
        self.counts[bucket] += 1;
        self.sum_s += example.value_s;
        self.examples[bucket] = Some(example);
    }

    /// Values of its series: buckets (added up, the last is `+Inf`), sum, count.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        let buckets = self.counts.iter().scan(0u64, |total, n| {
            *total += n;
            Some(*total as f64)
        });
        let count: u64 = self.counts.iter().sum();
        buckets.chain([self.sum_s, count as f64])
    }

    pub fn examples(&mut self) -> &mut [Option<Example>] {
        &mut self.examples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_own_bucket() {
        let mut h = Histogram::new(2);
        for value_s in [0.0, 0.1, 0.100001, 0.2, 3.0, 2.0] {
            let example = Example { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), value_s, t_ms: 5 };
            h.observe(&[0.1, 0.2], example);
        }
        let values: Vec<f64> = h.values().collect();
        assert_eq!(values[..3], [2.0, 4.0, 6.0]);
        assert!((values[3] - 5.400001).abs() < 1e-9 && values[4] == 6.0, "{values:?}");
        assert_eq!(
            h.examples().iter().map(|e| e.map(|e| e.value_s)).collect::<Vec<_>>(),
            [Some(0.1), Some(0.2), Some(2.0)]
        );
    }
}
