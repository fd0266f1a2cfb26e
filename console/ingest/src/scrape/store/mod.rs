//! What becomes of an answer: samples with the target's labels, staleness markers, and the report of the scrape.
//!
//! Synchronous; it blocks on the store. A failed scrape stores none of its samples, and every series of the one before
//! gets a staleness marker.

mod cache;
mod labels;
mod metadata;
mod report;

use std::{sync::Arc, time::Instant};

use console_model::{
    Labels,
    histogram::Histogram,
    metric::{Exemplar, HistogramSample, Sample, stale_nan},
};
use console_storage::{
    AppendError,
    metrics::{SampleAppender, SeriesBatch},
};

use self::{
    cache::{Kind, Mark, SeriesCache},
    labels::{SeriesLabels, shown},
    metadata::MetadataBook,
    report::Report,
};
use super::{
    config::JobConfig,
    error::ScrapeError,
    exposition::{self, Entry, ExemplarText, Format, SampleValue},
    http::Answer,
    target::Target,
};
use crate::native::resolution;

/// How far ahead a sample's own time may be (prometheus/scrape: `maxAheadTime`).
const MAX_AHEAD_MS: i64 = 10 * 60_000;

/// What is known of one target's series from scrape to scrape.
pub struct Book {
    target: Arc<Target>,
    job: Arc<JobConfig>,
    appender: Arc<dyn SampleAppender>,
    report: Report,
    cache: SeriesCache,
    metadata: MetadataBook,
    last_ms: i64,
}

/// Samples of one scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub scraped: usize,
    /// After `metric_relabel_configs`.
    pub kept: usize,
    /// Of series that the scrape before did not have.
    pub added: usize,
}

/// What became of one scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub error: Option<ScrapeError>,
    pub tally: Tally,
    pub accepted: u64,
    /// Refused samples, by reason.
    pub rejected: Vec<(&'static str, u64)>,
    /// The store's first reason.
    pub warning: Option<String>,
}

/// The samples of an answer.
#[derive(Default)]
struct Read {
    batch: Vec<SeriesBatch>,
    duplicates: u64,
    ahead: u64,
    /// Classic histograms that did not become native ones.
    unconvertible: u64,
    /// The first reason.
    warning: Option<String>,
    /// The first native histogram with too many buckets.
    over_buckets: Option<String>,
}

impl Book {
    pub fn new(target: Arc<Target>, job: Arc<JobConfig>, appender: Arc<dyn SampleAppender>) -> Self {
        let report = Report::new(&target.labels);
        let (cache, metadata) = (SeriesCache::default(), MetadataBook::default());
        Self { target, job, appender, report, cache, metadata, last_ms: i64::MIN }
    }

    /// Stores a scrape of the time `t_ms`, which began at `started`.
    pub fn store(&mut self, t_ms: i64, started: Instant, answer: Result<Answer, ScrapeError>) -> Outcome {
        let answer = answer.and_then(|a| {
            let (format, text) = (a.format.clone(), a.into_text(self.job.limits.body_size)?);
            Ok((if text.is_empty() { Format::Prometheus } else { format? }, text))
        });
        self.store_text(t_ms, started, answer.as_ref().map(|(f, b)| (*f, &b[..])).map_err(Clone::clone))
    }

    fn store_text(
        &mut self,
        t_ms: i64,
        started: Instant,
        text: Result<(Format, &[u8]), ScrapeError>,
    ) -> Outcome {
        self.last_ms = t_ms;
        self.cache.begin();
        let mut outcome = Outcome::default();
        let read = text.and_then(|(format, text)| self.read(format, text, t_ms, &mut outcome.tally));
        let mut batch = match read {
            Ok(read) => {
                let refused = [read.duplicates, read.ahead, read.unconvertible];
                outcome
                    .rejected
                    .extend(["duplicate", "out_of_bounds", "invalid_histogram"].into_iter().zip(refused));
                outcome.warning = read.warning;
                read.batch
            }
            Err(e) => {
                self.cache.abort();
                outcome.error = Some(e);
                Vec::new()
            }
        };
        let samples = batch.len() as u64;
        batch.extend(self.cache.vanished().map(|(labels, kind)| marker(labels, kind, t_ms)));
        match self.append(&batch, &mut outcome) {
            Ok(()) => self.cache.markers_are_stored(),
            Err(e) => {
                outcome.rejected.push(("storage", samples));
                outcome.error.get_or_insert(e);
            }
        }
        self.cache.tidy();
        let is_up = outcome.error.is_none();
        if is_up {
            self.metadata.store(&*self.appender);
        }
        let report = self.report.points(t_ms, is_up, started.elapsed(), &outcome.tally);
        if let Err(e) = self.append(&report, &mut outcome) {
            outcome.error.get_or_insert(e);
        }
        outcome.rejected.retain(|(_, n)| *n > 0);
        outcome
    }

    /// The target is gone: all its series end.
    pub fn end(&mut self, now_ms: i64) {
        let t_ms = now_ms.max(self.last_ms.saturating_add(1));
        if self.last_ms == i64::MIN {
            return;
        }
        self.cache.begin();
        let ended = self.cache.vanished().chain(self.report.series().map(|labels| (labels, Kind::Float)));
        let batch: Vec<_> = ended.map(|(labels, kind)| marker(labels, kind, t_ms)).collect();
        if let Err(e) = self.append(&batch, &mut Outcome::default()) {
            tracing::warn!(url = %self.target.url, cause = %e, "a removed target's series are not marked as stale");
        }
    }

    fn read(
        &mut self,
        format: Format,
        text: &[u8],
        t_ms: i64,
        tally: &mut Tally,
    ) -> Result<Read, ScrapeError> {
        let mut read = Read::default();
        let series = SeriesLabels { target: &self.target.labels, job: &self.job };
        let (cache, metadata) = (&mut self.cache, &mut self.metadata);
        metadata.begin();
        let histograms = self.job.histograms;
        let max_schema = resolution::schema_for(histograms.min_bucket_factor);
        exposition::parse(format, histograms.read, text, |entry| {
            let sample = match entry {
                Entry::Sample(sample) => sample,
                Entry::Unconvertible { family, message } => {
                    read.unconvertible += 1;
                    read.warning.get_or_insert_with(|| {
                        format!("histogram {family} cannot have custom buckets: {message}")
                    });
                    return Ok(());
                }
                other => {
                    metadata.see(&other);
                    return Ok(());
                }
            };
            tally.scraped += 1;
            let own_time = sample.timestamp_ms.filter(|_| self.job.honor_timestamps);
            let kind = if sample.value.float().is_some() { Kind::Float } else { Kind::Histogram };
            let mark = cache
                .mark(sample.series, kind, own_time.is_some(), || series.of(&sample, metadata.kind()))?;
            let labels = match mark {
                Mark::Dropped => return Ok(()),
                Mark::Duplicate => {
                    read.duplicates += 1;
                    return Ok(());
                }
                Mark::Known(labels) => labels,
                Mark::Added(labels) => {
                    tally.added += 1;
                    labels
                }
            };
            tally.kept += 1;
            if own_time.is_some_and(|t| t > t_ms.saturating_add(MAX_AHEAD_MS)) {
                read.ahead += 1;
                return Ok(());
            }
            if self.job.limits.is_over_samples(tally.kept) {
                return Ok(());
            }
            let t_ms = own_time.unwrap_or(t_ms);
            let mut point = match sample.value {
                SampleValue::Float(v) => point(labels, t_ms, v),
                SampleValue::Histogram(h) => {
                    let limit = histograms.bucket_limit;
                    let Some(h) = within(h, max_schema, limit) else {
                        read.over_buckets.get_or_insert_with(|| shown(&sample));
                        return Ok(());
                    };
                    native(labels, t_ms, h)
                }
            };
            // Those of a native histogram stay from scrape to scrape: without a time of their own old ones would pass for
            // new.
            let kept = sample.exemplars.iter().filter(|e| kind == Kind::Float || e.timestamp_ms.is_some());
            point.exemplars.extend(kept.map(|e| exemplar(e, t_ms)));
            read.batch.push(point);
            Ok::<(), ScrapeError>(())
        })?;
        if self.job.limits.is_over_samples(tally.kept) {
            return Err(ScrapeError::SampleLimit { count: tally.kept, limit: self.job.limits.samples });
        }
        if let Some(series) = read.over_buckets.take() {
            return Err(ScrapeError::BucketLimit { limit: histograms.bucket_limit, series });
        }
        Ok(read)
    }

    fn append(&self, batch: &[SeriesBatch], outcome: &mut Outcome) -> Result<(), ScrapeError> {
        if batch.is_empty() {
            return Ok(());
        }
        let (appended, first) =
            self.appender.append(batch).map_err(|e: AppendError| ScrapeError::Store(e.to_string()))?;
        outcome.accepted += appended.accepted;
        outcome.rejected.push(("storage", appended.rejected));
        if let (None, Some(reason)) = (&outcome.warning, first) {
            outcome.warning = Some(reason.to_string());
        }
        Ok(())
    }
}

/// An exemplar without a time of its own has its sample's.
fn exemplar(text: &ExemplarText<'_>, t_ms: i64) -> Exemplar {
    let labels = Labels::from_pairs(text.labels.iter().map(|l| (l.name(), l.value())));
    Exemplar { labels, value: text.value, t_ms: text.timestamp_ms.unwrap_or(t_ms) }
}

/// The histogram with buckets that are as coarse as they have to be; nothing where that does not help.
fn within(h: &Arc<Histogram>, max_schema: i32, bucket_limit: usize) -> Option<Arc<Histogram>> {
    let is_over = bucket_limit > 0 && h.positive.len() + h.negative.len() > bucket_limit;
    if !is_over && h.schema <= max_schema {
        return Some(h.clone());
    }
    let mut coarser = Histogram::clone(h);
    resolution::reduce(&mut coarser, max_schema);
    (bucket_limit == 0 || resolution::limit(&mut coarser, bucket_limit)).then(|| Arc::new(coarser))
}

/// The end of a series, of the kind that its last sample was.
fn marker(labels: Labels, kind: Kind, t_ms: i64) -> SeriesBatch {
    match kind {
        Kind::Float => point(labels, t_ms, stale_nan()),
        Kind::Histogram => {
            native(labels, t_ms, Arc::new(Histogram { sum: stale_nan(), ..Histogram::default() }))
        }
    }
}

fn native(labels: Labels, t_ms: i64, h: Arc<Histogram>) -> SeriesBatch {
    SeriesBatch { labels, histograms: vec![HistogramSample { t_ms, h }], ..SeriesBatch::default() }
}

fn point(labels: Labels, t_ms: i64, v: f64) -> SeriesBatch {
    SeriesBatch::floats(labels, vec![Sample { t_ms, v }])
}

#[cfg(test)]
mod tests;
