//! The read side of the port.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use console_model::{
    Labels, Matcher, TimeRange,
    cardinality::Cardinality,
    metric::{ExemplarSeries, MetricMetadata, PointSeries, Series},
};
use console_storage::{
    StorageError,
    metrics::{Part, Selection, SeriesReader, WorkingMemory},
    parallel,
};

use crate::{
    Tsdb,
    block::{Block, BlockError},
    head::Head,
    matching::Compiled,
    memory::QueryMemory,
    selection::over_limit,
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

/// Points that are worth a thread.
const POINTS_PER_THREAD: usize = 100_000;

impl Tsdb {
    fn read_all(
        &self,
        matchers: &[Matcher],
        range: (i64, i64),
        max_samples: usize,
    ) -> Result<Vec<PointSeries>, StorageError> {
        let selection = self.selection(matchers, range, max_samples, Part::All)?;
        let read = AtomicUsize::new(0);
        parallel::map(selection.len(), selection.points(), POINTS_PER_THREAD, |part| {
            let mut out = Vec::with_capacity(part.len());
            for place in part {
                let series = selection.series(place)?;
                let points = series.samples.len() + series.histograms.len();
                if read.fetch_add(points, Ordering::Relaxed) + points > max_samples {
                    return Err(over_limit(max_samples));
                }
                if points > 0 {
                    out.push(series);
                }
            }
            Ok(out)
        })
    }
}

/// What a block answered; nothing where it is damaged, so that the rest can be read.
pub(crate) fn readable<T: Default>(block: &Block, answer: Result<T, BlockError>) -> Result<T, StorageError> {
    match answer {
        Ok(found) => Ok(found),
        Err(e) if block.note(&e) => Ok(T::default()),
        Err(e) => Err(StorageError::Storage(e.to_string())),
    }
}

impl SeriesReader for Tsdb {
    fn working_memory(&self) -> Option<Box<dyn WorkingMemory>> {
        Some(Box::new(QueryMemory::new(&self.config.query_budget)))
    }

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
        // A block that turns out to be damaged is no longer selected, so that this ends.
        let mut out = loop {
            match self.read_all(matchers, (start_ms, end_ms), max_samples) {
                Err(StorageError::ReadAgain) => {}
                answer => break answer?,
            }
        };
        out.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        Ok(out)
    }

    fn open(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
        part: Part,
    ) -> Result<Box<dyn Selection + '_>, StorageError> {
        Ok(Box::new(self.selection(matchers, (start_ms, end_ms), max_samples, part)?))
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
