//! The read side of the port.

use std::{
    collections::{BTreeSet, HashSet, hash_map::Entry},
    sync::Arc,
};

use console_model::{
    Labels, Matcher, TimeRange,
    cardinality::Cardinality,
    hashed::HashedMap,
    metric::{ExemplarSeries, MetricMetadata, PointSeries, Series},
};
use console_storage::{
    StorageError,
    metrics::{Part, SeriesReader},
};

use crate::{
    Tsdb,
    block::{Block, BlockError},
    head::Head,
    matching::Compiled,
    parallel,
    series::{Cuts, put_in_order},
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

/// Points that one thread decodes; fewer are not worth it.
const POINTS_PER_THREAD: usize = 100_000;

/// The points of what was cut, in its order.
fn decode_all(found: Vec<(Labels, Cuts)>, start_ms: i64, end_ms: i64) -> Vec<PointSeries> {
    let compressed: usize = found.iter().map(|(_, cuts)| cuts.compressed()).sum();
    if compressed < 2 * POINTS_PER_THREAD {
        return found.into_iter().map(|(labels, cuts)| cuts.points(labels, start_ms, end_ms)).collect();
    }
    parallel::map(&found, compressed, POINTS_PER_THREAD, |(labels, cuts)| {
        Some(cuts.clone().points(labels.clone(), start_ms, end_ms))
    })
}

/// Series of several places as one. Oldest place first: of two points of one time the one that was written last stays.
struct Merge {
    places: HashedMap<Labels, usize>,
    series: Vec<PointSeries>,
    /// Points that were added; some may be there twice.
    points: usize,
}

impl Merge {
    fn add(&mut self, series: PointSeries) {
        self.points += points(&series);
        match self.places.entry(series.labels.clone()) {
            Entry::Vacant(slot) => {
                slot.insert(self.series.len());
                self.series.push(series);
            }
            Entry::Occupied(slot) => {
                let mine = &mut self.series[*slot.get()];
                mine.samples.extend(series.samples);
                mine.histograms.extend(series.histograms);
            }
        }
    }

    fn finish(mut self) -> Vec<PointSeries> {
        self.series.iter_mut().for_each(put_in_order);
        self.series
    }
}

/// Leaves the newest point.
fn newest(series: &mut PointSeries) {
    let PointSeries { samples, histograms, .. } = series;
    let float = samples.pop();
    let histogram = histograms.pop();
    samples.clear();
    histograms.clear();
    match (float, histogram) {
        (Some(f), Some(h)) if f.t_ms < h.t_ms => histograms.push(h),
        (Some(f), _) => samples.push(f),
        (None, h) => histograms.extend(h),
    }
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
        let mut out = self.select_part(matchers, start_ms, end_ms, max_samples, Part::All)?;
        out.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        Ok(out)
    }

    fn select_part(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
        part: Part,
    ) -> Result<Vec<PointSeries>, StorageError> {
        let matchers = Compiled::all(matchers)?;
        let (found, blocks) = {
            let head = self.head.read();
            (head.cuts(&matchers, (start_ms, end_ms), part), Arc::clone(&head.blocks))
        };
        let over =
            || StorageError::Limit(format!("query reads more than {max_samples} samples (max_samples)"));
        // What is over the limit for certain need not be decoded.
        let at_least: usize = found.iter().map(|(_, c)| c.at_least(start_ms, end_ms)).sum();
        if at_least > max_samples {
            return Err(over());
        }
        let mut out = decode_all(found, start_ms, end_ms);
        let overlapping: Vec<_> = blocks.iter().filter(|b| b.overlaps(start_ms, end_ms)).collect();
        if !overlapping.is_empty() {
            let mut all = Merge { places: HashedMap::default(), series: Vec::new(), points: 0 };
            for block in overlapping {
                let found = readable(block, block.select(&matchers, (start_ms, end_ms), max_samples))?;
                for series in found {
                    all.add(series);
                }
                // Overlapping blocks may hold a point twice; the sum below is the exact one.
                if all.points > max_samples.saturating_mul(2) {
                    return Err(over());
                }
            }
            for series in out {
                all.add(series);
            }
            out = all.finish();
        }
        if part == Part::Newest {
            out.iter_mut().for_each(newest);
        }
        out.retain(|s| points(s) > 0);
        if out.iter().map(points).sum::<usize>() > max_samples {
            return Err(over());
        }
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
