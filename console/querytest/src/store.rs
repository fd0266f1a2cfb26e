//! A store in memory: what `load` fills and an evaluation reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use console_model::{
    Labels, MatchOp, Matcher, TimeRange,
    histogram::Histogram,
    metric::{HistogramSample, MetricMetadata, PointSeries, Sample, Series},
};
use console_promql::{Point, StartTimes};
use console_storage::{StorageError, metrics::SeriesReader};
use regex::Regex;

use crate::chunk::{self, Points};

/// Series with one point a timestamp.
#[derive(Debug, Default)]
pub struct MemoryStore {
    series: BTreeMap<Labels, Points>,
    /// When counters started, by time of sample.
    starts: BTreeMap<Labels, BTreeMap<i64, i64>>,
}

enum Test<'a> {
    Is(&'a str),
    Fits(Regex),
}

struct Compiled<'a> {
    name: &'a str,
    is_negated: bool,
    test: Test<'a>,
}

fn compiled(m: &Matcher) -> Result<Compiled<'_>, StorageError> {
    let test = match m.op {
        MatchOp::Equal | MatchOp::NotEqual => Test::Is(&m.value),
        MatchOp::Regex | MatchOp::NotRegex => Test::Fits(
            Regex::new(&format!("^(?s:{})$", m.value))
                .map_err(|e| StorageError::InvalidMatcher(e.to_string()))?,
        ),
    };
    let is_negated = matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex);
    Ok(Compiled { name: &m.name, is_negated, test })
}

fn fits(matchers: &[Compiled<'_>], labels: &Labels) -> bool {
    matchers.iter().all(|m| {
        let value = labels.get(m.name).unwrap_or_default();
        let hit = match &m.test {
            Test::Is(wanted) => value == *wanted,
            Test::Fits(regex) => regex.is_match(value),
        };
        hit != m.is_negated
    })
}

impl MemoryStore {
    /// Puts a point; one that was there at its time is replaced.
    pub fn put(&mut self, labels: &Labels, t_ms: i64, point: Point) {
        let points = self.series.entry(labels.clone()).or_default();
        match point {
            Point::Histogram(h) => chunk::put(points, t_ms, &h),
            float @ Point::Float(_) => {
                points.insert(t_ms, float);
            }
        }
    }

    /// Says when the counter of a sample started.
    pub fn put_start(&mut self, labels: &Labels, t_ms: i64, start_ms: i64) {
        self.starts.entry(labels.clone()).or_default().insert(t_ms, start_ms);
    }

    fn matching(
        &self,
        matchers: &[Matcher],
    ) -> Result<impl Iterator<Item = (&Labels, &Points)>, StorageError> {
        let compiled = matchers.iter().map(compiled).collect::<Result<Vec<_>, _>>()?;
        let found: Vec<_> = self.series.iter().filter(|(labels, _)| fits(&compiled, labels)).collect();
        Ok(found.into_iter())
    }

    fn labels_in(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<&Labels>, StorageError> {
        let in_range = |points: &Points| {
            range.start_ms < range.end_ms && points.range(range.start_ms..range.end_ms).next().is_some()
        };
        Ok(self.matching(matchers)?.filter(|(_, points)| in_range(points)).map(|(l, _)| l).collect())
    }
}

fn limited<T>(all: impl IntoIterator<Item = T>, limit: usize) -> Vec<T> {
    all.into_iter().take(if limit == 0 { usize::MAX } else { limit }).collect()
}

impl StartTimes for MemoryStore {
    fn start_times(&self, labels: &Labels) -> Vec<(i64, i64)> {
        self.starts.get(labels).map_or_else(Vec::new, |of| of.iter().map(|(t, st)| (*t, *st)).collect())
    }
}

impl SeriesReader for MemoryStore {
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<Series>, StorageError> {
        let points = self.select_points(matchers, start_ms, end_ms, max_samples)?;
        let floats = |s: PointSeries| Series { labels: s.labels, samples: s.samples };
        Ok(points.into_iter().filter(|s| !s.samples.is_empty()).map(floats).collect())
    }

    fn select_points(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<PointSeries>, StorageError> {
        let mut out = Vec::new();
        let mut left = max_samples;
        if start_ms > end_ms {
            return Ok(out);
        }
        for (labels, points) in self.matching(matchers)? {
            let mut series =
                PointSeries { labels: labels.clone(), samples: Vec::new(), histograms: Vec::new() };
            for (t_ms, point) in points.range(start_ms..=end_ms) {
                left = left.checked_sub(1).ok_or_else(|| {
                    StorageError::Limit(format!("more than {max_samples} samples were selected"))
                })?;
                match point {
                    Point::Float(v) => series.samples.push(Sample { t_ms: *t_ms, v: *v }),
                    Point::Histogram(h) => {
                        series
                            .histograms
                            .push(HistogramSample { t_ms: *t_ms, h: Arc::<Histogram>::clone(h) });
                    }
                }
            }
            if !series.samples.is_empty() || !series.histograms.is_empty() {
                out.push(series);
            }
        }
        Ok(out)
    }

    fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, StorageError> {
        Ok(limited(self.labels_in(matchers, range)?.into_iter().cloned(), limit))
    }

    fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        let labels = self.labels_in(matchers, range)?;
        let names: BTreeSet<String> =
            labels.iter().flat_map(|l| l.iter().map(|l| l.name.to_string())).collect();
        Ok(limited(names, limit))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        let labels = self.labels_in(matchers, range)?;
        let values: BTreeSet<String> = labels.iter().filter_map(|l| l.get(name).map(str::to_owned)).collect();
        Ok(limited(values, limit))
    }

    fn metadata(&self, _: Option<&str>, _: usize) -> Result<Vec<MetricMetadata>, StorageError> {
        Ok(Vec::new())
    }
}
