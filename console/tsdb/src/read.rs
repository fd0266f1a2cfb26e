//! The read side of the port.

use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use console_model::{
    Labels, Matcher, TimeRange,
    cardinality::Cardinality,
    metric::{ExemplarSeries, MetricMetadata, PointSeries, Series},
};
use console_storage::{StorageError, metrics::SeriesReader};

use crate::{
    Tsdb,
    block::{Block, BlockError},
    head::Head,
    matching::Compiled,
    series::{Chunks, put_in_order},
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

    /// Names or values from the postings alone, which is much less than to visit all series.
    fn all_strings(
        &self,
        range: TimeRange,
        limit: usize,
        of_head: impl FnOnce(&Head, i64, i64) -> BTreeSet<String>,
        of_block: impl Fn(&Block, (i64, i64)) -> Result<Vec<String>, BlockError>,
    ) -> Result<Vec<String>, StorageError> {
        let (start, end) = inclusive(range);
        let head = self.head.read();
        let mut out = of_head(&head, start, end);
        let blocks = Arc::clone(&head.blocks);
        drop(head);
        for block in blocks.iter().filter(|b| b.overlaps(start, end)) {
            out.extend(readable(block, of_block(block, (start, end)))?);
        }
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

/// Series whose chunks one thread decodes; fewer are not worth a thread.
const SERIES_PER_THREAD: usize = 500;
const MAX_THREADS: usize = 8;

/// Decodes on as many threads as there are processors; in the order of `found`.
fn decode_all(found: Vec<(Labels, Chunks)>, start_ms: i64, end_ms: i64) -> Vec<PointSeries> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(MAX_THREADS).min(found.len() / SERIES_PER_THREAD).max(1);
    let decode = |part: &[(Labels, Chunks)]| -> Vec<PointSeries> {
        part.iter().map(|(labels, chunks)| chunks.points(labels.clone(), start_ms, end_ms)).collect()
    };
    if threads == 1 {
        return decode(&found);
    }
    let mut out = Vec::with_capacity(found.len());
    std::thread::scope(|scope| {
        let parts = found.chunks(found.len().div_ceil(threads));
        let running: Vec<_> = parts.map(|part| scope.spawn(move || decode(part))).collect();
        for part in running {
            match part.join() {
                Ok(series) => out.extend(series),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    out
}

fn points(series: &PointSeries) -> usize {
    series.samples.len() + series.histograms.len()
}

impl SeriesReader for Tsdb {
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<Series>, StorageError> {
        let all = self.select_points(matchers, start_ms, end_ms, max_samples)?;
        let with_floats = all.into_iter().filter(|s| !s.samples.is_empty());
        Ok(with_floats.map(|s| Series { labels: s.labels, samples: s.samples }).collect())
    }

    fn select_points(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<PointSeries>, StorageError> {
        let matchers = Compiled::all(matchers)?;
        let (found, blocks) = {
            let head = self.head.read();
            (head.chunks(&matchers, start_ms, end_ms), Arc::clone(&head.blocks))
        };
        let over =
            || StorageError::Limit(format!("query reads more than {max_samples} samples (max_samples)"));
        // What is over the limit for certain need not be decoded.
        let at_least: usize = found.iter().map(|(_, c)| c.inner_points(start_ms, end_ms)).sum();
        if at_least > max_samples {
            return Err(over());
        }
        let mut out = decode_all(found, start_ms, end_ms);
        let overlapping: Vec<_> = blocks.iter().filter(|b| b.overlaps(start_ms, end_ms)).collect();
        if !overlapping.is_empty() {
            // Oldest first: of two points of one time the one that was written last stays.
            let mut all: HashMap<Labels, PointSeries> = HashMap::new();
            let mut total = 0;
            let parts = overlapping
                .into_iter()
                .map(|b| readable(b, b.select(&matchers, (start_ms, end_ms), max_samples)))
                .chain(std::iter::once(Ok(out)));
            for part in parts {
                for series in part? {
                    total += points(&series);
                    match all.entry(series.labels.clone()) {
                        Entry::Vacant(slot) => {
                            slot.insert(series);
                        }
                        Entry::Occupied(mut slot) => {
                            slot.get_mut().samples.extend(series.samples);
                            slot.get_mut().histograms.extend(series.histograms);
                        }
                    }
                }
                // Overlapping blocks may hold a point twice; the sum below is the exact one.
                if total > max_samples.saturating_mul(2) {
                    return Err(over());
                }
            }
            out = all.into_values().collect();
            out.iter_mut().for_each(put_in_order);
        }
        out.retain(|s| points(s) > 0);
        if out.iter().map(points).sum::<usize>() > max_samples {
            return Err(over());
        }
        out.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        Ok(out)
    }

    fn exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<ExemplarSeries>, StorageError> {
        let selectors = selectors.iter().map(|m| Compiled::all(m)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.exemplars.read().select(&selectors, start_ms, end_ms))
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
        if matchers.is_empty() {
            return self.all_strings(range, limit, Head::label_names, Block::label_names);
        }
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
        if matchers.is_empty() {
            return self.all_strings(
                range,
                limit,
                |head, start, end| head.label_values(name, start, end),
                |block, range| block.label_values(name, range),
            );
        }
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

    fn cardinality(&self, limit: usize) -> Result<Cardinality, StorageError> {
        Ok(self.count(limit))
    }
}
