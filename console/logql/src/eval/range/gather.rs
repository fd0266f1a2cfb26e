//! What a series keeps while lines pass: cells, or its values where a function needs them all.

use console_storage::SourceError;

use super::{
    Point,
    cell::{Cell, Sample},
    grid::Grid,
};
use crate::{ast::RangeAggregation, budget::Budget, eval::functions::over_window};

/// Cells that are kept together: a series with few samples in many windows stays small.
const PAGE: usize = 16;
/// What a page is counted as: cells stand for samples that are not held.
const CELLS_A_SAMPLE: usize = 4;

pub trait Gather: Send + Sized {
    fn new(grid: &Grid) -> Self;

    fn add(&mut self, grid: &Grid, sample: &Sample<'_>, budget: &Budget) -> Result<(), SourceError>;

    /// Takes in what another thread has of the same series.
    fn merge(&mut self, other: Self, budget: &Budget);

    /// A value a window, where it is not empty.
    fn windows(self, range: &RangeAggregation, grid: &Grid) -> Vec<Option<f64>>;
}

/// Cells of one series.
pub struct Pages<T>(Vec<Option<Box<[T]>>>);

impl<T: Cell> Pages<T> {
    /// Adds what a whole cell holds.
    pub fn put(&mut self, grid: &Grid, cell: usize, part: &T, budget: &Budget) -> Result<(), SourceError> {
        self.cell(grid, cell, budget)?.merge(part);
        Ok(())
    }

    fn cell(&mut self, grid: &Grid, at: usize, budget: &Budget) -> Result<&mut T, SourceError> {
        let page = &mut self.0[at / PAGE];
        let cells = match page {
            Some(cells) => cells,
            None => {
                let length = PAGE.min(grid.cells() - at / PAGE * PAGE);
                budget.hold(length.div_ceil(CELLS_A_SAMPLE))?;
                page.insert(vec![T::default(); length].into_boxed_slice())
            }
        };
        Ok(&mut cells[at % PAGE])
    }

    fn get(&self, at: usize) -> Option<&T> {
        self.0[at / PAGE].as_ref().map(|page| &page[at % PAGE]).filter(|cell| !cell.is_empty())
    }
}

impl<T: Cell> Gather for Pages<T> {
    fn new(grid: &Grid) -> Self {
        Self((0..grid.cells().div_ceil(PAGE)).map(|_| None).collect())
    }

    fn add(&mut self, grid: &Grid, sample: &Sample<'_>, budget: &Budget) -> Result<(), SourceError> {
        if let Some(at) = grid.cell(sample.t_ns) {
            self.cell(grid, at, budget)?.add(sample);
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, budget: &Budget) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            match (mine, theirs) {
                (_, None) => {}
                (mine @ None, theirs) => *mine = theirs,
                (Some(mine), Some(theirs)) => {
                    budget.release(theirs.len().div_ceil(CELLS_A_SAMPLE));
                    mine.iter_mut().zip(&theirs).for_each(|(m, t)| m.merge(t));
                }
            }
        }
    }

    fn windows(self, range: &RangeAggregation, grid: &Grid) -> Vec<Option<f64>> {
        let seconds = range.range_ns as f64 / 1e9;
        let mut sliding = Sliding::default();
        let mut next = 0;
        let mut out = Vec::with_capacity(grid.count);
        for i in 0..grid.count {
            let (first, last) = grid.window(i);
            next = next.max(first);
            while next <= last {
                if let Some(cell) = self.get(next) {
                    sliding.push(next, cell.clone());
                }
                next += 1;
            }
            sliding.drop_before(first);
            out.push(sliding.merged().map(|cell| cell.value(range.function, seconds)));
        }
        out
    }
}

/// A queue that knows what all of its cells come to: two stacks, each cell merged a constant number of times.
struct Sliding<T> {
    /// Numbers, and each cell merged with those behind it; the first of the queue is last here.
    front: Vec<(usize, T)>,
    back: Vec<(usize, T)>,
    back_merged: T,
}

impl<T: Cell> Default for Sliding<T> {
    fn default() -> Self {
        Self { front: Vec::new(), back: Vec::new(), back_merged: T::default() }
    }
}

impl<T: Cell> Sliding<T> {
    fn push(&mut self, at: usize, cell: T) {
        self.back_merged.merge(&cell);
        self.back.push((at, cell));
    }

    fn drop_before(&mut self, first: usize) {
        loop {
            while self.front.last().is_some_and(|(at, _)| *at < first) {
                self.front.pop();
            }
            if !self.front.is_empty() || self.back.is_empty() {
                return;
            }
            self.back_merged = T::default();
            while let Some((at, mut cell)) = self.back.pop() {
                if let Some((_, later)) = self.front.last() {
                    cell.merge(later);
                }
                self.front.push((at, cell));
            }
        }
    }

    fn merged(&self) -> Option<T> {
        let mut all = self.front.last().map(|(_, cell)| cell.clone()).unwrap_or_default();
        all.merge(&self.back_merged);
        (!all.is_empty()).then_some(all)
    }
}

/// Every value of one series: quantiles and counters need them.
pub struct Held(Vec<Point>);

impl Gather for Held {
    fn new(_: &Grid) -> Self {
        Self(Vec::new())
    }

    fn add(&mut self, grid: &Grid, sample: &Sample<'_>, budget: &Budget) -> Result<(), SourceError> {
        if grid.cell(sample.t_ns).is_some() {
            budget.hold(1)?;
            self.0.push((sample.t_ns, sample.value));
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, _: &Budget) {
        self.0.extend(other.0);
    }

    fn windows(mut self, range: &RangeAggregation, grid: &Grid) -> Vec<Option<f64>> {
        self.0.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)));
        let points = &self.0;
        let (mut lo, mut hi) = (0, 0);
        let mut scratch = Vec::new();
        (0..grid.count as i64)
            .map(|i| {
                let end = grid.first_end.saturating_add(grid.step.saturating_mul(i));
                let start = end.saturating_sub(range.range_ns);
                while points.get(hi).is_some_and(|p| p.0 <= end) {
                    hi += 1;
                }
                while points.get(lo).is_some_and(|p| p.0 <= start) {
                    lo += 1;
                }
                let window = &points[lo.min(hi)..hi];
                (!window.is_empty()).then(|| over_window(range, window, (start, end), &mut scratch))
            })
            .collect()
    }
}
