//! Adding histograms: layouts are brought together, counts are added with compensation.

use std::sync::Arc;

use console_model::histogram::{BucketCount, Histogram, ResetHint};

use super::{bound, negative_bucket, positive_bucket};
use crate::kahan::Kahan;

/// Exponential and custom buckets have no common layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixedBuckets;

/// What should be known about an addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// One side says reset, the other says no reset.
    pub hints_collide: bool,
    /// Custom bounds differed; only those of both sides are left.
    pub bounds_reconciled: bool,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    index: i32,
    count: Kahan,
}

impl Cell {
    fn is_empty(&self) -> bool {
        self.count.sum == 0.0 && self.count.lost == 0.0
    }
}

/// A running sum of histograms.
#[derive(Clone, Debug)]
pub struct HistogramSum {
    /// Everything but counts, sum and buckets.
    base: Histogram,
    /// What rounding loses is not added at the end.
    is_plain: bool,
    has_additions: bool,
    count: Kahan,
    sum: Kahan,
    zero: Kahan,
    positive: Vec<Cell>,
    negative: Vec<Cell>,
}

fn cells(buckets: &[BucketCount], sign: f64) -> Vec<Cell> {
    let cell = |b: &BucketCount| Cell { index: b.index, count: Kahan::new(sign * b.count) };
    buckets.iter().map(cell).collect()
}

/// The index of a bucket in a coarser schema.
pub(super) fn coarser_index(index: i32, from: i32, to: i32) -> i32 {
    ((index - 1) >> (from - to)) + 1
}

/// Merges neighbours whose index `place` makes equal.
fn regroup(cells: &mut Vec<Cell>, place: impl Fn(i32) -> i32) {
    let mut out: Vec<Cell> = Vec::with_capacity(cells.len());
    for cell in cells.drain(..) {
        let index = place(cell.index);
        match out.last_mut() {
            Some(last) if last.index == index => {
                last.count.add(cell.count.sum);
                last.count.add(cell.count.lost);
            }
            _ => out.push(Cell { index, count: cell.count }),
        }
    }
    *cells = out;
}

/// Adds `others` to `cells`; both are sorted.
fn merge(cells: &mut Vec<Cell>, others: Vec<Cell>) {
    if others.is_empty() {
        return;
    }
    let mut out = Vec::with_capacity(cells.len() + others.len());
    let mut mine = cells.drain(..).peekable();
    for other in others {
        while let Some(cell) = mine.next_if(|c| c.index < other.index) {
            out.push(cell);
        }
        match mine.next_if(|c| c.index == other.index) {
            Some(mut cell) => {
                cell.count.add(other.count.sum);
                cell.count.add(other.count.lost);
                out.push(cell);
            }
            None => out.push(other),
        }
    }
    out.extend(mine);
    *cells = out;
}

/// The hint of a sum, and whether the two collide.
fn joined_hint(a: ResetHint, b: ResetHint) -> (ResetHint, bool) {
    use ResetHint::{Gauge, Unknown};
    match (a, b) {
        (a, b) if a == b => (a, false),
        (Gauge, _) | (_, Gauge) => (Gauge, false),
        (Unknown, _) | (_, Unknown) => (Unknown, false),
        _ => (Unknown, true),
    }
}

fn common_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    let mut rest = b.iter().peekable();
    let mut out = Vec::new();
    for v in a {
        while rest.next_if(|o| *o < v).is_some() {}
        if rest.next_if(|o| *o == v).is_some() {
            out.push(*v);
        }
    }
    out.into()
}

impl HistogramSum {
    pub fn new(first: &Histogram) -> Self {
        Self::signed(first, 1.0)
    }

    /// A sum that loses what rounding loses, as rates do.
    pub fn plain(first: &Histogram) -> Self {
        Self { is_plain: true, ..Self::new(first) }
    }

    fn signed(h: &Histogram, sign: f64) -> Self {
        Self {
            count: Kahan::new(sign * h.count),
            sum: Kahan::new(sign * h.sum),
            // Custom buckets have no zero bucket, whatever arithmetic has put there.
            zero: Kahan::new(if h.has_custom_buckets() { 0.0 } else { sign * h.zero_count }),
            positive: cells(&h.positive, sign),
            negative: cells(&h.negative, sign),
            base: Histogram { positive: Vec::new(), negative: Vec::new(), ..h.clone() },
            is_plain: false,
            has_additions: false,
        }
    }

    pub fn add(&mut self, other: &Histogram) -> Result<Added, MixedBuckets> {
        self.add_signed(other, 1.0)
    }

    pub fn subtract(&mut self, other: &Histogram) -> Result<Added, MixedBuckets> {
        self.add_signed(other, -1.0)
    }

    fn add_signed(&mut self, other: &Histogram, sign: f64) -> Result<Added, MixedBuckets> {
        if self.base.has_custom_buckets() != other.has_custom_buckets() {
            return Err(MixedBuckets);
        }
        let (hint, hints_collide) = joined_hint(self.base.reset_hint, other.reset_hint);
        self.base.reset_hint = hint;
        // What was lost matters only where buckets are brought together.
        let forgets = self.is_plain && !self.has_layout_of(other);
        self.has_additions = true;
        if forgets {
            self.forget_lost();
        }
        let mut other = Self::signed(other, sign);
        let mut bounds_reconciled = false;
        if self.base.has_custom_buckets() {
            if self.base.custom_values != other.base.custom_values {
                bounds_reconciled = true;
                let bounds = common_bounds(&self.base.custom_values, &other.base.custom_values);
                self.reduce_to_bounds(&bounds);
                other.reduce_to_bounds(&bounds);
            }
        } else {
            other.zero = self.reconcile_zero(&other);
            let schema = self.base.schema.min(other.base.schema);
            self.reduce_to_schema(schema);
            other.reduce_to_schema(schema);
        }
        if forgets {
            self.forget_lost();
            other.forget_lost();
        }
        for (mine, theirs) in
            [(&mut self.count, other.count), (&mut self.sum, other.sum), (&mut self.zero, other.zero)]
        {
            mine.add(theirs.sum);
            mine.add(theirs.lost);
        }
        let in_zero = |c: &Cell| {
            !self.base.has_custom_buckets() && bound(&self.base, c.index) <= self.base.zero_threshold
        };
        for (mine, mut theirs) in [(&mut self.positive, other.positive), (&mut self.negative, other.negative)]
        {
            let inside = theirs.iter().take_while(|c| in_zero(c)).count();
            theirs.drain(..inside);
            merge(mine, theirs);
        }
        if bounds_reconciled {
            self.positive.retain(|c| !c.is_empty());
        }
        Ok(Added { hints_collide, bounds_reconciled })
    }

    fn has_layout_of(&self, h: &Histogram) -> bool {
        self.base.schema == h.schema
            && self.base.zero_threshold == h.zero_threshold
            && self.base.custom_values == h.custom_values
    }

    /// Merges buckets to those of a coarser schema.
    pub fn reduce_to_schema(&mut self, schema: i32) {
        let from = self.base.schema;
        if from != schema {
            regroup(&mut self.positive, |i| coarser_index(i, from, schema));
            regroup(&mut self.negative, |i| coarser_index(i, from, schema));
            self.base.schema = schema;
        }
    }

    fn reduce_to_bounds(&mut self, bounds: &Arc<[f64]>) {
        let old = std::mem::replace(&mut self.base.custom_values, Arc::clone(bounds));
        regroup(&mut self.positive, |i| match old.get(i as usize) {
            Some(v) => bounds.partition_point(|b| b < v) as i32,
            None => bounds.len() as i32,
        });
    }

    /// Widens the zero bucket until it is as wide as that of `other` would have to be, and gives the count of the latter.
    /// As in Prometheus the buckets of `other` stay that the count has taken in: those are left out of the addition, but
    /// for one that a coarser schema makes part of a bucket that reaches out.
    fn reconcile_zero(&mut self, other: &Self) -> Kahan {
        let (mut zero, mut threshold) = (other.zero, other.base.zero_threshold);
        while self.base.zero_threshold != threshold {
            if self.base.zero_threshold > threshold {
                (zero, threshold) = other.zero_within(self.base.zero_threshold);
            } else {
                (self.zero, self.base.zero_threshold) = self.zero_within(threshold);
                let base = &self.base;
                let stays = |c: &Cell| !c.is_empty() && bound(base, c.index - 1) >= base.zero_threshold;
                self.positive.retain(stays);
                self.negative.retain(stays);
            }
        }
        zero
    }

    /// The zero bucket with the buckets below `threshold`, and with further ones where it would end inside a populated one.
    fn zero_within(&self, mut threshold: f64) -> (Kahan, f64) {
        let cells = || self.positive.iter().chain(&self.negative);
        let reaches = |threshold: f64| {
            let wide = |c: &&Cell| {
                c.count.sum != 0.0
                    && bound(&self.base, c.index - 1) < threshold
                    && bound(&self.base, c.index) > threshold
            };
            cells().find(wide).map(|c| bound(&self.base, c.index))
        };
        while let Some(upper) = reaches(threshold) {
            threshold = upper;
        }
        let mut zero = self.zero;
        for c in cells().filter(|c| bound(&self.base, c.index - 1) < threshold) {
            zero.add(c.count.sum);
            zero.add(c.count.lost);
        }
        (zero, threshold)
    }

    pub(crate) fn overflows(&self) -> bool {
        let all = self.positive.iter().chain(&self.negative).map(|c| c.count);
        all.chain([self.count, self.sum, self.zero]).any(|k| k.sum.is_infinite())
    }

    fn parts(&mut self) -> impl Iterator<Item = &mut Kahan> {
        let cells = self.positive.iter_mut().chain(&mut self.negative).map(|c| &mut c.count);
        cells.chain([&mut self.count, &mut self.sum, &mut self.zero])
    }

    fn forget_lost(&mut self) {
        self.parts().for_each(|k| k.lost = 0.0);
    }

    /// Every part through `f`.
    fn map(&mut self, f: impl Fn(f64) -> f64) {
        self.parts().for_each(|k| *k = Kahan { sum: f(k.sum), lost: f(k.lost) });
    }

    pub(crate) fn divide(&mut self, by: f64) {
        self.map(|v| v / by);
    }

    pub(crate) fn multiply(&mut self, by: f64) {
        self.map(|v| v * by);
    }

    /// The sum, without empty buckets.
    pub fn finish(self) -> Histogram {
        let mut out = self.with_empty_buckets();
        super::compact(&mut out);
        out
    }

    /// The sum, with each bucket that any of the histograms has.
    pub fn with_empty_buckets(self) -> Histogram {
        // A single zero keeps its sign.
        let value = |k: Kahan| if self.is_plain || !self.has_additions { k.sum } else { k.value() };
        let buckets = |cells: Vec<Cell>| {
            let bucket = |c: Cell| BucketCount { index: c.index, count: value(c.count) };
            cells.into_iter().map(bucket).collect()
        };
        Histogram {
            count: value(self.count),
            sum: value(self.sum),
            zero_count: value(self.zero),
            positive: buckets(self.positive),
            negative: buckets(self.negative),
            ..self.base
        }
    }
}

pub fn add(a: &Histogram, b: &Histogram) -> Result<(Histogram, Added), MixedBuckets> {
    let mut sum = HistogramSum::plain(a);
    let added = sum.add(b)?;
    Ok((sum.finish(), added))
}

pub fn subtract(a: &Histogram, b: &Histogram) -> Result<(Histogram, Added), MixedBuckets> {
    let mut sum = HistogramSum::plain(a);
    let added = sum.subtract(b)?;
    Ok((sum.finish(), added))
}

/// The zero count that `h` would have with a wider threshold; `None` where that would cut a populated bucket. Its own
/// threshold it may have anywhere.
pub(super) fn zero_count_within(h: &Histogram, threshold: f64) -> Option<f64> {
    if threshold == h.zero_threshold {
        return Some(h.zero_count);
    }
    let positive = h.positive.iter().map(|b| (positive_bucket(h, *b), b));
    let negative = h.negative.iter().map(|b| {
        let bucket = negative_bucket(h, *b);
        (super::Bucket { lower: -bucket.upper, upper: -bucket.lower, ..bucket }, b)
    });
    let mut zero = Kahan::new(h.zero_count);
    for (bucket, _) in positive.chain(negative) {
        if bucket.lower >= threshold {
            continue;
        }
        if bucket.upper > threshold && bucket.count != 0.0 {
            return None;
        }
        zero.add(bucket.count);
    }
    Some(zero.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(schema: i32, counts: &[(i32, f64)]) -> Histogram {
        let positive = counts.iter().map(|(index, count)| BucketCount { index: *index, count: *count });
        let count = counts.iter().map(|c| c.1).sum();
        Histogram { schema, count, sum: count, positive: positive.collect(), ..Histogram::default() }
    }

    #[test]
    fn the_coarser_schema_wins() {
        let (sum, _) = add(&histogram(-1, &[(1, 1.0)]), &histogram(0, &[(1, 2.0), (2, 2.0)])).unwrap();
        assert_eq!((sum.schema, sum.count), (-1, 5.0));
        assert_eq!(sum.positive, vec![BucketCount { index: 1, count: 5.0 }]);
    }

    #[test]
    fn a_wider_zero_bucket_takes_whole_buckets() {
        let wide = Histogram { zero_threshold: 0.5, zero_count: 1.0, count: 1.0, ..Histogram::default() };
        // Index 0 covers (0.5, 1], index -1 covers (0.25, 0.5].
        let (sum, _) = add(&wide, &histogram(0, &[(-1, 2.0), (0, 3.0)])).unwrap();
        assert_eq!((sum.zero_count, sum.zero_threshold), (3.0, 0.5));
        assert_eq!(sum.positive, vec![BucketCount { index: 0, count: 3.0 }]);
    }

    #[test]
    fn custom_bounds_are_reduced_to_common_ones() {
        let custom = |bounds: &[f64], counts: &[(i32, f64)]| Histogram {
            custom_values: bounds.into(),
            ..histogram(console_model::histogram::CUSTOM_BUCKETS, counts)
        };
        let (sum, added) =
            add(&custom(&[1.0, 5.0, 10.0], &[(0, 1.0), (1, 2.0)]), &custom(&[5.0, 20.0], &[(0, 4.0)]))
                .unwrap();
        assert!(added.bounds_reconciled);
        assert_eq!(&*sum.custom_values, &[5.0]);
        assert_eq!(sum.positive, vec![BucketCount { index: 0, count: 7.0 }]);
        assert_eq!(add(&custom(&[1.0], &[]), &histogram(0, &[])), Err(MixedBuckets));
    }
}
