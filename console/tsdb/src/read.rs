//! The read side of the port.

use std::collections::BTreeSet;

use console_model::{
    Labels, Matcher, TimeRange,
    metric::{MetricMetadata, Series},
};
use console_storage::{StorageError, metrics::SeriesReader};

use crate::{Tsdb, matching::Compiled, series::decode};

/// `0` is no limit.
fn at_most(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

/// The port's ranges are half-open, the head's inclusive.
fn inclusive(range: TimeRange) -> (i64, i64) {
    (range.start_ms, range.end_ms.saturating_sub(1))
}

impl Tsdb {
    fn collect_strings(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
        mut pick: impl FnMut(&Labels, &mut BTreeSet<String>),
    ) -> Result<Vec<String>, StorageError> {
        let matchers = Compiled::all(matchers)?;
        let (start, end) = inclusive(range);
        let head = self.head.read();
        let mut out = BTreeSet::new();
        for series in head.matching(&matchers, start, end) {
            pick(&series.labels, &mut out);
        }
        Ok(out.into_iter().take(at_most(limit)).collect())
    }
}

impl SeriesReader for Tsdb {
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<Series>, StorageError> {
        let matchers = Compiled::all(matchers)?;
        let found = self.head.read().chunks(&matchers, start_ms, end_ms);
        let (mut out, mut total) = (Vec::with_capacity(found.len()), 0usize);
        for (labels, chunks) in found {
            let samples = decode(&chunks, start_ms, end_ms);
            total += samples.len();
            if total > max_samples {
                return Err(StorageError::Limit(format!(
                    "query reads more than {max_samples} samples (max_samples)"
                )));
            }
            if !samples.is_empty() {
                out.push(Series { labels, samples });
            }
        }
        out.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(out)
    }

    fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, StorageError> {
        let matchers = Compiled::all(matchers)?;
        let (start, end) = inclusive(range);
        let mut out: Vec<Labels> =
            self.head.read().matching(&matchers, start, end).map(|s| s.labels.clone()).collect();
        out.sort();
        out.truncate(at_most(limit));
        Ok(out)
    }

    fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        self.collect_strings(matchers, range, limit, |labels, out| {
            for l in labels.iter() {
                if !out.contains(&*l.name) {
                    out.insert(l.name.to_string());
                }
            }
        })
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        self.collect_strings(matchers, range, limit, |labels, out| {
            if let Some(value) = labels.get(name).filter(|v| !out.contains(*v)) {
                out.insert(value.to_owned());
            }
        })
    }

    fn metadata(&self, metric: Option<&str>, limit: usize) -> Result<Vec<MetricMetadata>, StorageError> {
        let head = self.head.read();
        let wanted = |m: &&MetricMetadata| metric.is_none_or(|name| m.metric == name);
        Ok(head.metadata.values().filter(wanted).take(at_most(limit)).cloned().collect())
    }
}
