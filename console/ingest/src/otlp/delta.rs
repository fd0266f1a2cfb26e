//! Delta values added up to cumulative ones.
//!
//! State is in memory: after a restart a series starts at zero, which readers see as the reset of a counter. What is
//! added up becomes state only when the store took it, so that a request sent again after a failure counts once. A
//! point that is not newer than the last of its series is refused: it came twice or too late.

use std::collections::HashMap;

use console_model::{
    Labels,
    metric::{Sample, is_stale_nan},
};
use console_storage::metrics::SeriesBatch;

use crate::refusal::Refused;

/// A series that is silent for this long (against the newest point of all) is forgotten.
const FORGET_MS: i64 = 3_600_000;

#[derive(Clone, Copy, Debug)]
struct Running {
    total: f64,
    t_ms: i64,
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
        for SeriesBatch { labels, samples, .. } in deltas {
            let known = self.series.get(&labels).copied();
            if known.is_none() {
                if self.series.len() + fresh >= max_series {
                    refused.add(samples.len() as u64, "too_many_delta_series", || {
                        format!("series {labels} would exceed max_delta_series ({max_series})")
                    });
                    continue;
                }
                fresh += 1;
            }
            let mut running = known.unwrap_or(Running { total: 0.0, t_ms: i64::MIN });
            let mut sums = Vec::with_capacity(samples.len());
            for Sample { t_ms, v } in samples {
                if t_ms <= running.t_ms {
                    refused.add(1, "delta_out_of_order", || {
                        format!(
                            "delta of {labels} at {t_ms} ms is not after the last one ({} ms)",
                            running.t_ms
                        )
                    });
                    continue;
                }
                let stale = is_stale_nan(v);
                running = Running { total: if stale { 0.0 } else { running.total + v }, t_ms };
                sums.push(Sample { t_ms, v: if stale { v } else { running.total } });
            }
            if !sums.is_empty() {
                planned.0.push((labels.clone(), running));
                out.push(SeriesBatch::floats(labels, sums));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(samples: &[(i64, f64)]) -> Vec<SeriesBatch> {
        let samples = samples.iter().map(|(t_ms, v)| Sample { t_ms: *t_ms, v: *v }).collect();
        vec![SeriesBatch::floats(Labels::from_pairs([("__name__", "a")]), samples)]
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
    fn a_new_series_past_the_limit_is_refused_by_name() {
        let mut refused = Refused::default();
        let (none, _) = DeltaState::default().plan(batch(&[(1, 2.0)]), 0, &mut refused);
        assert!(none.is_empty());
        assert_eq!(refused.message, "series a would exceed max_delta_series (0)");
    }
}
