//! What a query cost the backend: Prometheus and Thanos say it beside the result, VictoriaMetrics beside the data.

use console_model::profile::{QueryProfile, Samples, Timings};
use console_storage::source::QueryTime;
use serde::Deserialize;

use super::number::{Moment, Number};

/// Anything may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    timings: Option<Seconds>,
    samples: Option<Counts>,
    series_fetched: Option<Number>,
    execution_time_msec: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Seconds {
    eval_total_time: f64,
    result_sort_time: f64,
    query_preparation_time: f64,
    inner_eval_time: f64,
    exec_queue_time: f64,
    exec_total_time: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Counts {
    total_queryable_samples: u64,
    total_queryable_samples_per_step: Vec<(Moment, u64)>,
    /// Newer than the others.
    samples_read: Option<u64>,
    samples_read_per_step: Vec<(Moment, u64)>,
    peak_samples: u64,
}

impl Statistics {
    /// What is missing here taken from `other`.
    pub fn and(self, other: Option<Self>) -> Self {
        let other = other.unwrap_or_default();
        Self {
            timings: self.timings.or(other.timings),
            samples: self.samples.or(other.samples),
            series_fetched: self.series_fetched.or(other.series_fetched),
            execution_time_msec: self.execution_time_msec.or(other.execution_time_msec),
        }
    }

    pub fn series(&self) -> Option<u64> {
        self.series_fetched.map(|n| n.0 as u64)
    }

    pub fn samples(&self) -> u64 {
        self.samples.as_ref().map_or(0, |s| s.samples_read.unwrap_or(s.total_queryable_samples))
    }

    pub fn duration_us(&self) -> Option<u64> {
        let timed = self.timings.as_ref().map(|t| t.exec_total_time.max(t.eval_total_time));
        timed.map(micros).or(self.execution_time_msec.map(|ms| (ms * 1e3) as u64))
    }

    /// None where samples are not counted.
    pub fn profile(self, time: QueryTime) -> Option<QueryProfile> {
        let counts = self.samples?;
        let times = self.timings.unwrap_or_default();
        let (start_ms, step_ms) = match time {
            QueryTime::At { at_ms } => (at_ms, 1),
            QueryTime::Range { start_ms, step_ms, .. } => (start_ms, step_ms),
        };
        let by_step = |steps: Vec<(Moment, u64)>| steps.into_iter().map(|(_, n)| n).collect();
        Some(QueryProfile {
            start_ms,
            step_ms,
            read: Samples {
                total: counts.samples_read.unwrap_or(counts.total_queryable_samples),
                by_step: by_step(counts.samples_read_per_step),
            },
            looked_at: Samples {
                total: counts.total_queryable_samples,
                by_step: by_step(counts.total_queryable_samples_per_step),
            },
            peak: counts.peak_samples,
            timings: Timings {
                queue_us: micros(times.exec_queue_time),
                prepare_us: micros(times.query_preparation_time),
                evaluate_us: micros(times.inner_eval_time),
                sort_us: micros(times.result_sort_time),
                total_us: micros(times.exec_total_time.max(times.eval_total_time)),
            },
        })
    }
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}
