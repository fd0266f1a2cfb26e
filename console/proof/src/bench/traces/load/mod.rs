//! The generated load: traces of a shop, three of four a page view, the fourth a checkout, spread evenly over an hour up to
//! now. The same size gives the same traces on every run; only times move.

mod encode;
mod recipe;
mod trace;

pub use encode::bodies;
pub use trace::TraceId;

use trace::Trace;

/// From the first trace to the last.
const SPAN_NS: i64 = 3_600 * 1_000_000_000;
/// Before now: the last trace has ended.
const MARGIN_NS: i64 = 60 * 1_000_000_000;

/// How large a load is and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub traces: usize,
    pub end_ns: i64,
}

impl Load {
    /// About as many spans as asked, in whole rounds of four traces.
    pub fn new(spans: usize, now_ms: i64) -> Self {
        let rounds = (spans / recipe::SPANS_PER_ROUND).max(1);
        Self { traces: rounds * recipe::ROUND.len(), end_ns: now_ms * 1_000_000 - MARGIN_NS }
    }

    pub fn start_ns(&self) -> i64 {
        self.end_ns - SPAN_NS
    }

    pub fn spans(&self) -> usize {
        self.traces / recipe::ROUND.len() * recipe::SPANS_PER_ROUND
    }

    fn trace(self, number: usize) -> Trace {
        Trace::new(number, self)
    }

    /// The attribute `user.id` of somebody who asked for a trace at least.
    pub fn a_user(&self) -> String {
        trace::user(self.trace(self.traces / 2).user)
    }

    /// Ids with their numbers of spans, evenly picked from the whole load.
    pub fn sample(&self, most: usize) -> Vec<(TraceId, usize)> {
        let step = self.traces.div_ceil(most.max(1)).max(1);
        // A step that is a multiple of a round would pick page views only.
        let step = if step.is_multiple_of(recipe::ROUND.len()) { step + 1 } else { step };
        (0..self.traces).step_by(step).map(|n| (TraceId::of(n), recipe::of(n).len())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lanes_hold_every_trace_once() {
        let load = Load::new(3_000, 1_700_000_000_000);
        for lanes in [1, 4, 16] {
            let items: u64 = (0..lanes).flat_map(|n| bodies(load, n, lanes)).map(|b| b.unwrap().items).sum();
            assert_eq!(items, load.spans() as u64);
        }
    }

    #[test]
    fn traces_have_ids_of_their_own_and_lie_within_the_span() {
        let load = Load::new(4_000, 1_700_000_000_000);
        let ids: BTreeSet<String> = (0..load.traces).map(|n| TraceId::of(n).hex()).collect();
        assert_eq!(ids.len(), load.traces);
        for n in 0..load.traces {
            let spans = load.trace(n).spans();
            assert!(spans.iter().all(|s| s.start_ns >= load.start_ns() && s.start_ns <= load.end_ns));
        }
    }

    #[test]
    fn a_sample_is_of_all_kinds_of_traces() {
        let sample = Load::new(100_000, 1_700_000_000_000).sample(100);
        assert!((80..=100).contains(&sample.len()), "{}", sample.len());
        let lengths: BTreeSet<usize> = sample.iter().map(|(_, spans)| *spans).collect();
        assert!(lengths.len() > 1, "{lengths:?}");
    }
}
