//! The read side of the port.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use console_model::{
    Labels, Matcher, TimeRange,
    metric::{MetricMetadata, Sample, Series},
};
use console_storage::{StorageError, metrics::SeriesReader};

use crate::{
    Tsdb,
    block::{Block, BlockError},
    matching::Compiled,
    series::{decode, in_order},
};

/// `0` is no limit.
fn at_most(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

/// The port's ranges are half-open, the store's inclusive.
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
        let mut out = BTreeSet::new();
        self.each_series(matchers, range, |labels| pick(labels, &mut out))?;
        Ok(out.into_iter().take(at_most(limit)).collect())
    }

    /// Visits series with samples in the range, in memory and in blocks; one may come several times.
    fn each_series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        mut visit: impl FnMut(&Labels),
    ) -> Result<(), StorageError> {
        let matchers = Compiled::all(matchers)?;
        let (start, end) = inclusive(range);
        let blocks = {
            let head = self.head.read();
            head.matching(&matchers, start, end).for_each(|s| visit(&s.labels));
            Arc::clone(&head.blocks)
        };
        for block in blocks.iter().filter(|b| b.overlaps(start, end)) {
            readable(block, block.labels(&matchers, (start, end)))?.iter().for_each(&mut visit);
        }
        Ok(())
    }
}

/// What a block answered; nothing where it is damaged, so that the rest can be read.
fn readable<T>(block: &Block, answer: Result<Vec<T>, BlockError>) -> Result<Vec<T>, StorageError> {
    match answer {
        Ok(found) => Ok(found),
        Err(e) if block.note(&e) => Ok(Vec::new()),
        Err(e) => Err(StorageError::Storage(e.to_string())),
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
        let (found, blocks) = {
            let head = self.head.read();
            (head.chunks(&matchers, start_ms, end_ms), Arc::clone(&head.blocks))
        };
        let over =
            || StorageError::Limit(format!("query reads more than {max_samples} samples (max_samples)"));
        // Oldest first: of two samples of one time the one that was written last stays.
        let mut all: HashMap<Labels, Vec<Sample>> = HashMap::new();
        for block in blocks.iter().filter(|b| b.overlaps(start_ms, end_ms)) {
            let part = readable(block, block.select(&matchers, (start_ms, end_ms), max_samples))?;
            if part.iter().map(|(_, samples)| samples.len()).sum::<usize>() > max_samples {
                return Err(over());
            }
            for (labels, samples) in part {
                all.entry(labels).or_default().extend(samples);
            }
        }
        let (mut out, mut total) = (Vec::with_capacity(found.len()), 0usize);
        let mut put = |labels, mut samples: Vec<Sample>| {
            in_order(&mut samples);
            total += samples.len();
            if !samples.is_empty() {
                out.push(Series { labels, samples });
            }
            if total > max_samples { Err(over()) } else { Ok(()) }
        };
        for (labels, chunks) in found {
            let mut samples = all.remove(&labels).unwrap_or_default();
            samples.extend(decode(&chunks, start_ms, end_ms));
            put(labels, samples)?;
        }
        all.into_iter().try_for_each(|(labels, samples)| put(labels, samples))?;
        out.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(out)
    }

    fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, StorageError> {
        let mut found = HashSet::new();
        self.each_series(matchers, range, |labels| {
            if !found.contains(labels) {
                found.insert(labels.clone());
            }
        })?;
        let mut out: Vec<Labels> = found.into_iter().collect();
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
