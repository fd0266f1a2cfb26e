//! Series in memory.

use std::sync::{Arc, atomic::AtomicBool};

use console_model::{
    Labels, MatchOp, Matcher, TimeRange,
    metric::{MetricMetadata, Sample, Series, stale_nan},
};
use console_promql::{Moments, Outcome, OutcomeValue, Point, PromqlLimits, evaluate};
use console_storage::{SourceError, StorageError, metrics::SeriesReader};

/// What [`at`] marks as stale.
pub const STALE: f64 = f64::MIN;

#[derive(Default)]
pub struct Memory(pub Vec<Series>);

/// Adds a series: `name a=1,b=2` with values at multiples of `step_s` seconds; NaN is a gap, [`STALE`] a marker.
pub fn at(memory: &mut Memory, name: &str, step_s: i64, values: &[f64]) {
    let (name, labels) = name.split_once(' ').unwrap_or((name, ""));
    let pairs = labels.split(',').filter_map(|l| l.split_once('='));
    let labels = Labels::from_pairs(pairs.chain([("__name__", name)]));
    let value = |v: f64| if v == STALE { stale_nan() } else { v };
    let samples = values
        .iter()
        .enumerate()
        .filter(|(_, v)| !v.is_nan())
        .map(|(i, v)| Sample { t_ms: i as i64 * step_s * 1000, v: value(*v) })
        .collect();
    memory.0.push(Series { labels, samples });
    memory.0.sort_by(|a, b| a.labels.cmp(&b.labels));
}

fn fits(m: &Matcher, labels: &Labels) -> bool {
    let value = labels.get(&m.name).unwrap_or_default();
    let regex = || regex::Regex::new(&format!("^(?s:{})$", m.value)).expect("the parser checked it");
    match m.op {
        MatchOp::Equal => value == m.value,
        MatchOp::NotEqual => value != m.value,
        MatchOp::Regex => regex().is_match(value),
        MatchOp::NotRegex => !regex().is_match(value),
    }
}

impl SeriesReader for Memory {
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<Series>, StorageError> {
        let cut = |s: &Series| Series {
            labels: s.labels.clone(),
            samples: s.samples.iter().filter(|s| (start_ms..=end_ms).contains(&s.t_ms)).copied().collect(),
        };
        let found: Vec<Series> = self
            .0
            .iter()
            .filter(|s| matchers.iter().all(|m| fits(m, &s.labels)))
            .map(cut)
            .filter(|s| !s.samples.is_empty())
            .collect();
        if found.iter().map(|s| s.samples.len()).sum::<usize>() > max_samples {
            return Err(StorageError::Limit(format!("more than {max_samples} samples")));
        }
        Ok(found)
    }

    fn series(&self, matchers: &[Matcher], _: TimeRange, limit: usize) -> Result<Vec<Labels>, StorageError> {
        let all = self.0.iter().filter(|s| matchers.iter().all(|m| fits(m, &s.labels)));
        let most = if limit == 0 { usize::MAX } else { limit };
        Ok(all.map(|s| s.labels.clone()).take(most).collect())
    }

    fn label_names(&self, _: &[Matcher], _: TimeRange, _: usize) -> Result<Vec<String>, StorageError> {
        Ok(vec!["__name__".to_owned()])
    }

    fn label_values(
        &self,
        _: &str,
        _: &[Matcher],
        _: TimeRange,
        _: usize,
    ) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn metadata(&self, _: Option<&str>, _: usize) -> Result<Vec<MetricMetadata>, StorageError> {
        Ok(Vec::new())
    }
}

/// The rest of a reader around a [`Memory`], which has points of its own.
macro_rules! as_memory {
    ($field:tt) => {
        fn select(
            &self,
            matchers: &[Matcher],
            start_ms: i64,
            end_ms: i64,
            max_samples: usize,
        ) -> Result<Vec<Series>, StorageError> {
            self.$field.select(matchers, start_ms, end_ms, max_samples)
        }

        fn series(
            &self,
            matchers: &[Matcher],
            range: TimeRange,
            limit: usize,
        ) -> Result<Vec<Labels>, StorageError> {
            self.$field.series(matchers, range, limit)
        }

        fn label_names(
            &self,
            matchers: &[Matcher],
            range: TimeRange,
            limit: usize,
        ) -> Result<Vec<String>, StorageError> {
            self.$field.label_names(matchers, range, limit)
        }

        fn label_values(
            &self,
            name: &str,
            matchers: &[Matcher],
            range: TimeRange,
            limit: usize,
        ) -> Result<Vec<String>, StorageError> {
            self.$field.label_values(name, matchers, range, limit)
        }

        fn metadata(&self, metric: Option<&str>, limit: usize) -> Result<Vec<MetricMetadata>, StorageError> {
            self.$field.metadata(metric, limit)
        }
    };
}
pub(crate) use as_memory;

pub fn outcome(memory: &dyn SeriesReader, expr: &str, moments: Moments) -> Result<Outcome, SourceError> {
    let limits = PromqlLimits { experimental: true, ..PromqlLimits::default() };
    evaluate(memory, expr, moments, &limits, &Arc::new(AtomicBool::new(false)))
}

/// The elements of an instant query, as `labels value`.
pub fn instant(memory: &Memory, expr: &str, at_s: i64) -> Vec<String> {
    evaluated(memory, expr, at_s)
}

/// As [`instant`], of any store.
pub fn evaluated(memory: &dyn SeriesReader, expr: &str, at_s: i64) -> Vec<String> {
    let moments = Moments::Instant { at_ms: at_s * 1000 };
    match outcome(memory, expr, moments).unwrap_or_else(|e| panic!("{expr}: {e}")).value {
        OutcomeValue::Scalar(s) => vec![s.v.to_string()],
        OutcomeValue::String { value, .. } => vec![value],
        OutcomeValue::Vector { elements, .. } => {
            let shown = |(labels, point): &(Labels, Point)| match point {
                Point::Float(v) => format!("{labels} {v}"),
                Point::Histogram(h) => format!("{labels} {h:?}"),
            };
            elements.iter().map(shown).collect()
        }
        OutcomeValue::Matrix(series) => {
            series.iter().map(|s| format!("{} {:?}", s.labels, s.samples)).collect()
        }
    }
}

/// The error of an instant query.
pub fn failure(memory: &Memory, expr: &str) -> SourceError {
    outcome(memory, expr, Moments::Instant { at_ms: 0 }).expect_err(expr)
}
