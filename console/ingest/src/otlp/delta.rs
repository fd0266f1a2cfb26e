//! Delta values added up to cumulative ones.
//!
//! State is in memory: after a restart a series starts at zero, which readers see as the reset of a counter. What is
//! added up becomes state only when the store took it, so that a request sent again after a failure counts once. A
//! point that is not newer than the last of its series is refused: it came twice or too late.

use std::{collections::HashMap, sync::Arc};

use console_model::{
    Labels,
    histogram::Histogram,
    metric::{HistogramSample, Sample, is_stale_nan},
};
use console_storage::metrics::SeriesBatch;

use crate::{native::sum, refusal::Refused};

/// A series that is silent for this long (against the newest point of all) is forgotten.
const FORGET_MS: i64 = 3_600_000;
/// Buckets of a histogram that is added up; more are merged (the OpenTelemetry SDKs' own default).
const MAX_BUCKETS: usize = 160;

#[derive(Clone, Debug)]
struct Running {
    total: Total,
    t_ms: i64,
}

#[derive(Clone, Debug)]
enum Total {
    Nothing,
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// Running totals a series.
#[derive(Debug, Default)]
pub struct DeltaState {
    series: HashMap<Labels, Running>,
    newest_ms: i64,
}

/// Totals that become state with [`DeltaState::commit`].
#[derive(Debug, Default)]
pub struct Planned(Vec<(Labels, Running)>);

impl DeltaState {
    /// Cumulative samples for `deltas`, whose samples are in order of time.
    pub fn plan(
        &mut self,
        deltas: Vec<SeriesBatch>,
        max_series: usize,
        refused: &mut Refused,
    ) -> (Vec<SeriesBatch>, Planned) {
        let mut fresh = 0;
        let mut out = Vec::with_capacity(deltas.len());
        let mut planned = Planned::default();
        if self.series.len() + deltas.len() > max_series {
            let oldest = self.newest_ms.saturating_sub(FORGET_MS);
            self.series.retain(|_, r| r.t_ms >= oldest);
        }
        for delta in deltas {
            let known = self.series.get(&delta.labels).cloned();
            if known.is_none() {
                if self.series.len() + fresh >= max_series {
                    refused.add(delta.points() as u64, "too_many_delta_series", || {
                        format!("series {} would exceed max_delta_series ({max_series})", delta.labels)
                    });
                    continue;
                }
                fresh += 1;
            }
            let running = known.unwrap_or(Running { total: Total::Nothing, t_ms: i64::MIN });
            let (running, sums) = running.add_up(delta, refused);
            if sums.points() > 0 {
                planned.0.push((sums.labels.clone(), running));
                out.push(sums);
            }
        }
        (out, planned)
    }

    pub fn commit(&mut self, planned: Planned) {
        for (labels, running) in planned.0 {
            self.newest_ms = self.newest_ms.max(running.t_ms);
            self.series.insert(labels, running);
        }
    }
}

impl Running {
    /// The totals of a series, and the last of them.
    fn add_up(mut self, delta: SeriesBatch, refused: &mut Refused) -> (Self, SeriesBatch) {
        let SeriesBatch { labels, samples, histograms, .. } = delta;
        let mut sums = SeriesBatch { labels, ..SeriesBatch::default() };
        for Sample { t_ms, v } in samples {
            if !self.comes_after(t_ms, &sums.labels, refused) {
                continue;
            }
            let v = if is_stale_nan(v) {
                self.total = Total::Nothing;
                v
            } else {
                let sum = if let Total::Float(sum) = self.total { sum + v } else { v };
                self.total = Total::Float(sum);
                sum
            };
            self.t_ms = t_ms;
            sums.samples.push(Sample { t_ms, v });
        }
        for HistogramSample { t_ms, h } in histograms {
            if !self.comes_after(t_ms, &sums.labels, refused) {
                continue;
            }
            let h = match &self.total {
                _ if is_stale_nan(h.sum) => {
                    self.total = Total::Nothing;
                    h
                }
                Total::Histogram(total) => {
                    let mut total = Histogram::clone(total);
                    if !sum::add(&mut total, &h, MAX_BUCKETS) {
                        refused.add(1, "too_many_buckets", || {
                            format!("delta of {} does not fit into {MAX_BUCKETS} buckets", sums.labels)
                        });
                        continue;
                    }
                    Arc::new(total)
                }
                Total::Nothing | Total::Float(_) => h,
            };
            if !is_stale_nan(h.sum) {
                self.total = Total::Histogram(h.clone());
            }
            self.t_ms = t_ms;
            sums.histograms.push(HistogramSample { t_ms, h });
        }
        (self, sums)
    }

    fn comes_after(&self, t_ms: i64, labels: &Labels, refused: &mut Refused) -> bool {
        let is_new = t_ms > self.t_ms;
        if !is_new {
            refused.add(1, "delta_out_of_order", || {
                format!("delta of {labels} at {t_ms} ms is not after the last one ({} ms)", self.t_ms)
            });
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use console_model::{histogram::BucketCount, metric::stale_nan};

    use super::*;

    fn batch(samples: &[(i64, f64)]) -> Vec<SeriesBatch> {
        let samples = samples.iter().map(|(t_ms, v)| Sample { t_ms: *t_ms, v: *v }).collect();
        vec![SeriesBatch::floats(Labels::from_pairs([("__name__", "a")]), samples)]
    }

    /// Histograms with one bucket; a count below zero stands for the end of the series.
    fn natives(points: &[(i64, i32, f64)]) -> Vec<SeriesBatch> {
        let native = |(t_ms, index, count): &(i64, i32, f64)| {
            let positive = vec![BucketCount { index: *index, count: *count }];
            let h = Histogram { positive, count: *count, sum: 1.0, ..Histogram::default() };
            let stale = Histogram { sum: stale_nan(), ..Histogram::default() };
            HistogramSample { t_ms: *t_ms, h: Arc::new(if *count < 0.0 { stale } else { h }) }
        };
        let labels = Labels::from_pairs([("__name__", "a")]);
        let histograms = points.iter().map(native).collect();
        vec![SeriesBatch { labels, histograms, ..SeriesBatch::default() }]
    }

    /// Times, counts and buckets.
    fn shown(all: &[SeriesBatch]) -> Vec<(i64, f64, Vec<(i32, f64)>)> {
        let buckets = |h: &Histogram| h.positive.iter().map(|b| (b.index, b.count)).collect();
        all.iter().flat_map(|b| &b.histograms).map(|s| (s.t_ms, s.h.count, buckets(&s.h))).collect()
    }

    #[test]
    fn deltas_add_up_once_they_are_committed() {
        let mut state = DeltaState::default();
        let mut refused = Refused::default();
        let (lost, _) = state.plan(batch(&[(1, 2.0)]), 9, &mut refused);
        assert_eq!(lost, batch(&[(1, 2.0)]), "not committed");
        let (first, planned) = state.plan(batch(&[(1, 2.0), (2, 3.0)]), 9, &mut refused);
        assert_eq!(first, batch(&[(1, 2.0), (2, 5.0)]));
        state.commit(planned);
        let (second, _) = state.plan(batch(&[(2, 3.0), (3, 1.0)]), 9, &mut refused);
        assert_eq!(second, batch(&[(3, 6.0)]));
        assert_eq!(refused.reasons, [("delta_out_of_order", 1)]);
    }

    #[test]
    fn histograms_add_up_until_their_series_ends() {
        let (mut state, mut refused) = (DeltaState::default(), Refused::default());
        let (first, planned) = state.plan(natives(&[(1, 0, 2.0), (2, 1, 3.0)]), 9, &mut refused);
        assert_eq!(shown(&first), [(1, 2.0, vec![(0, 2.0)]), (2, 5.0, vec![(0, 2.0), (1, 3.0)])]);
        state.commit(planned);
        let (second, planned) = state.plan(natives(&[(2, 1, 3.0), (3, 1, 1.0)]), 9, &mut refused);
        assert_eq!(shown(&second), [(3, 6.0, vec![(0, 2.0), (1, 4.0)])]);
        assert_eq!(refused.reasons, [("delta_out_of_order", 1)]);
        state.commit(planned);
        let (third, _) = state.plan(natives(&[(4, 0, -1.0), (5, 7, 1.0)]), 9, &mut refused);
        assert!(is_stale_nan(third[0].histograms[0].h.sum));
        assert_eq!(shown(&third)[1], (5, 1.0, vec![(7, 1.0)]), "it starts anew");
        let (float, _) = state.plan(batch(&[(6, 2.0)]), 9, &mut refused);
        assert_eq!(float, batch(&[(6, 2.0)]), "another kind starts anew");
    }

    #[test]
    fn a_new_series_past_the_limit_is_refused_by_name() {
        let mut refused = Refused::default();
        let (none, _) = DeltaState::default().plan(batch(&[(1, 2.0)]), 0, &mut refused);
        assert!(none.is_empty());
        assert_eq!(refused.message, "series a would exceed max_delta_series (0)");
        let (none, _) = DeltaState::default().plan(natives(&[(1, 0, 2.0)]), 0, &mut refused);
        assert!(none.is_empty());
        assert_eq!(refused.count, 2);
    }
}
