//! Where queries look at each step.

use std::ops::Range;

use super::grid::Steps;
use crate::ast::Extent;

/// Where a selector looks at each step: a fixed moment, or the step's, shifted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gaze {
    pub fixed: Option<i64>,
    pub offset_ms: i64,
}

impl Gaze {
    pub fn at(&self, steps: &Steps, index: usize) -> i64 {
        self.fixed.unwrap_or_else(|| steps.at(index)).saturating_sub(self.offset_ms)
    }
}

/// Where each step's window lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub gaze: Gaze,
    pub range_ms: i64,
    pub extent: Extent,
    /// How far before and after the window samples are looked at, for its extent.
    pub reach: (i64, i64),
}

/// The window of a step, `(start_ms, end_ms]`.
pub(crate) struct Placed {
    pub start_ms: i64,
    pub end_ms: i64,
    /// The samples that are looked at for it.
    pub places: Range<usize>,
}

impl View {
    /// The window of each step among samples in order of time, which `time` tells.
    pub fn windows<T>(
        self,
        samples: &[T],
        steps: Steps,
        time: impl Fn(&T) -> i64,
    ) -> impl Iterator<Item = Placed> {
        let (mut from, mut to) = (0, 0);
        (0..steps.count).map(move |i| {
            let end_ms = self.gaze.at(&steps, i);
            let start_ms = end_ms.saturating_sub(self.range_ms);
            let (first_ms, last_ms) =
                (start_ms.saturating_sub(self.reach.0), end_ms.saturating_add(self.reach.1));
            from = advance(samples, from, |s| time(s) <= first_ms);
            to = advance(samples, to.max(from), |s| time(s) <= last_ms);
            Placed { start_ms, end_ms, places: from..to }
        })
    }
}

/// Items that are looked at one by one before the search takes larger strides.
const NEAR: usize = 8;

/// How many of `items` come first for which `is_before` holds, given that the first `from` do. Steps are near each
/// other, so that the search starts close.
pub(crate) fn advance<T>(items: &[T], from: usize, is_before: impl Fn(&T) -> bool) -> usize {
    let mut low = from;
    for _ in 0..NEAR {
        match items.get(low) {
            Some(item) if is_before(item) => low += 1,
            _ => return low,
        }
    }
    let mut stride = 1;
    while low + stride <= items.len() && is_before(&items[low + stride - 1]) {
        low += stride;
        stride *= 2;
    }
    let high = (low + stride).min(items.len());
    low + items[low..high].partition_point(is_before)
}
