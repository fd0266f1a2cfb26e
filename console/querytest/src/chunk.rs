//! What a store in chunks gives back of histograms (prometheus/tsdb/chunkenc/float_histogram.go).
//!
//! A chunk ends before a counter reset and before another layout. Nothing is known of a reset before its first histogram,
//! and there is none before the others. All of its histograms have the same buckets: each has those of the others too,
//! empty.

use std::{collections::BTreeMap, sync::Arc};

use console_model::histogram::{BucketCount, Histogram, ResetHint};
use console_promql::{Point, histogram::is_reset};

/// The points of a series by time.
pub(crate) type Points = BTreeMap<i64, Point>;

/// Puts a histogram behind the points before `t_ms`.
pub(crate) fn put(points: &mut Points, t_ms: i64, h: &Histogram) {
    let before = match points.range(..t_ms).next_back() {
        Some((_, Point::Histogram(before))) if goes_on(h, before) => Some(Arc::clone(before)),
        _ => None,
    };
    let reset_hint = match (h.reset_hint, &before) {
        (ResetHint::Gauge, _) => ResetHint::Gauge,
        (_, Some(_)) => ResetHint::NotReset,
        (_, None) => ResetHint::Unknown,
    };
    let mut stored = Histogram { reset_hint, ..h.clone() };
    if let Some(before) = before {
        let all = Layout::of(&before).and(&stored);
        all.expand(&mut stored);
        if all != Layout::of(&before) {
            expand_chunk(points, t_ms, &all, &before);
        }
    }
    points.insert(t_ms, Point::Histogram(Arc::new(stored)));
}

fn same_kind(a: &Histogram, b: &Histogram) -> bool {
    a.schema == b.schema
        && a.zero_threshold == b.zero_threshold
        && a.custom_values == b.custom_values
        && (a.reset_hint == ResetHint::Gauge) == (b.reset_hint == ResetHint::Gauge)
}

/// Whether a histogram goes into the chunk of the one before it.
fn goes_on(h: &Histogram, before: &Histogram) -> bool {
    if !same_kind(h, before) || h.reset_hint == ResetHint::Reset {
        return false;
    }
    let unhinted = Histogram { reset_hint: ResetHint::Unknown, ..h.clone() };
    h.reset_hint == ResetHint::Gauge || !is_reset(&unhinted, before)
}

/// Gives the histograms of the last chunk before `t_ms` a larger layout.
fn expand_chunk(points: &mut Points, t_ms: i64, layout: &Layout, last: &Histogram) {
    for (_, point) in points.range_mut(..t_ms).rev() {
        let Point::Histogram(h) = point else { return };
        if !same_kind(h, last) {
            return;
        }
        layout.expand(Arc::make_mut(h));
        // The first of a chunk.
        if h.reset_hint == ResetHint::Unknown {
            return;
        }
    }
}

/// The buckets that a histogram has.
#[derive(PartialEq)]
struct Layout {
    positive: Vec<i32>,
    negative: Vec<i32>,
}

impl Layout {
    fn of(h: &Histogram) -> Self {
        let indexes = |buckets: &[BucketCount]| buckets.iter().map(|b| b.index).collect();
        Self { positive: indexes(&h.positive), negative: indexes(&h.negative) }
    }

    fn and(mut self, h: &Histogram) -> Self {
        for (all, buckets) in [(&mut self.positive, &h.positive), (&mut self.negative, &h.negative)] {
            all.extend(buckets.iter().map(|b| b.index));
            all.sort_unstable();
            all.dedup();
        }
        self
    }

    fn expand(&self, h: &mut Histogram) {
        for (all, buckets) in [(&self.positive, &mut h.positive), (&self.negative, &mut h.negative)] {
            if all.len() != buckets.len() {
                let mut own = buckets.iter().peekable();
                let bucket = |index: &i32| {
                    own.next_if(|b| b.index == *index)
                        .copied()
                        .unwrap_or(BucketCount { index: *index, count: 0.0 })
                };
                *buckets = all.iter().map(bucket).collect();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: &[(i32, f64)], reset_hint: ResetHint) -> Histogram {
        let positive = counts.iter().map(|(index, count)| BucketCount { index: *index, count: *count });
        let count = counts.iter().map(|c| c.1).sum();
        Histogram { count, reset_hint, positive: positive.collect(), ..Histogram::default() }
    }

    fn stored(all: &[Histogram]) -> Vec<(ResetHint, Vec<(i32, f64)>)> {
        let mut points = Points::new();
        for (t, h) in all.iter().enumerate() {
            put(&mut points, t as i64, h);
        }
        let shown = |point: &Point| match point {
            Point::Histogram(h) => (h.reset_hint, h.positive.iter().map(|b| (b.index, b.count)).collect()),
            Point::Float(_) => panic!("a float"),
        };
        points.values().map(shown).collect()
    }

    #[test]
    fn histograms_of_a_chunk_have_the_same_buckets() {
        let counter = |counts: &[(i32, f64)]| histogram(counts, ResetHint::Unknown);
        let all = [counter(&[(1, 1.0)]), counter(&[(1, 1.0), (3, 2.0)]), counter(&[(2, 1.0)])];
        assert_eq!(
            stored(&all),
            [
                (ResetHint::Unknown, vec![(1, 1.0), (3, 0.0)]),
                (ResetHint::NotReset, vec![(1, 1.0), (3, 2.0)]),
                (ResetHint::Unknown, vec![(2, 1.0)]),
            ]
        );
    }

    #[test]
    fn gauges_may_lose_buckets_within_a_chunk() {
        let gauge = |counts: &[(i32, f64)]| histogram(counts, ResetHint::Gauge);
        let both = |a, b| (ResetHint::Gauge, vec![(1, a), (2, b)]);
        assert_eq!(stored(&[gauge(&[(1, 4.0)]), gauge(&[(2, 1.0)])]), [both(4.0, 0.0), both(0.0, 1.0)]);
    }
}
