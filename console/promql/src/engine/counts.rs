//! Native histograms of which only count and sum matter, and what is known of counter resets once their buckets are gone
//! (prometheus/promql/histogram_stats_iterator.go).

use std::sync::Arc;

use console_model::{
    histogram::{Histogram, ResetHint},
    metric::{HistogramSample, PointSeries, is_stale_nan},
};

use super::{grid::Steps, view::Gaze};
use crate::histogram::is_reset;

/// The steps at which a selector looks back over a series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks {
    pub gaze: Gaze,
    pub steps: Steps,
    /// How far back it looks from each.
    pub back_ms: i64,
}

impl Looks {
    /// Where Prometheus jumps ahead in a series rather than going through it: it then does not see what it leaves behind.
    fn jumps(&self, series: &PointSeries) -> Vec<i64> {
        let first_from = |t_ms: i64| {
            let float = series.samples.get(series.samples.partition_point(|s| s.t_ms < t_ms));
            let histogram = series.histograms.get(series.histograms.partition_point(|h| h.t_ms < t_ms));
            float.map(|s| s.t_ms).into_iter().chain(histogram.map(|h| h.t_ms)).min()
        };
        let (mut out, mut seen_ms) = (Vec::new(), i64::MIN);
        for i in 0..self.steps.count {
            let to_ms = self.gaze.at(&self.steps, i);
            let from_ms = to_ms.saturating_sub(self.back_ms);
            if from_ms > seen_ms {
                out.push(from_ms);
                let Some(next_ms) = first_from(from_ms) else { return out };
                seen_ms = next_ms;
            }
            if to_ms > seen_ms {
                let Some(next_ms) = first_from(to_ms) else { return out };
                seen_ms = next_ms;
            }
        }
        out
    }
}

/// Leaves count and sum, and says for each histogram whether a counter reset is before it: that cannot be seen any more
/// afterwards.
pub(super) fn without_buckets(series: &mut PointSeries, looks: Option<&Looks>) {
    let jumps = looks.map_or_else(Vec::new, |looks| looks.jumps(series));
    let mut jumps = jumps.iter().peekable();
    let mut before: Option<Arc<Histogram>> = None;
    for sample in &mut series.histograms {
        let mut kept = Histogram {
            reset_hint: sample.h.reset_hint,
            schema: sample.h.schema,
            count: sample.h.count,
            sum: sample.h.sum,
            ..Histogram::default()
        };
        while jumps.next_if(|to_ms| **to_ms <= sample.t_ms).is_some() {
            before = None;
        }
        if !is_stale(sample) {
            if let (ResetHint::Unknown, Some(before)) = (kept.reset_hint, &before) {
                let is_reset = is_reset(&sample.h, before);
                kept.reset_hint = if is_reset { ResetHint::Reset } else { ResetHint::NotReset };
            }
            before = Some(Arc::clone(&sample.h));
        }
        sample.h = Arc::new(kept);
    }
}

/// Whether a series ends here.
pub(super) fn is_stale(h: &HistogramSample) -> bool {
    is_stale_nan(h.h.sum)
}

#[cfg(test)]
mod tests {
    use console_model::Labels;

    use super::*;

    #[test]
    fn what_a_jump_leaves_behind_says_nothing_about_resets() {
        let histogram = |t_ms: i64, count: f64| HistogramSample {
            t_ms,
            h: Arc::new(Histogram { count, ..Histogram::default() }),
        };
        let hints = |looks: Option<Looks>| {
            let histograms = (1..=6).map(|i| histogram(i * 10, 9.0 - i as f64)).collect();
            let mut series = PointSeries { labels: Labels::default(), samples: Vec::new(), histograms };
            without_buckets(&mut series, looks.as_ref());
            series.histograms.iter().map(|s| s.h.reset_hint).collect::<Vec<_>>()
        };
        use ResetHint::{Reset, Unknown};
        assert_eq!(hints(None), [Unknown, Reset, Reset, Reset, Reset, Reset]);
        let looks = |step_ms| Looks {
            gaze: Gaze { fixed: None, offset_ms: 0 },
            steps: Steps { start_ms: 20, step_ms, count: 2 },
            back_ms: 15,
        };
        assert_eq!(hints(Some(looks(10))), [Unknown, Reset, Reset, Reset, Reset, Reset]);
        // From 20 to 60, of which 45 to 60 is looked at.
        assert_eq!(hints(Some(looks(40))), [Unknown, Reset, Reset, Reset, Unknown, Reset]);
    }
}
