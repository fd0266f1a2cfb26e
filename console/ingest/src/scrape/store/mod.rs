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
    metric::{Exemplar, Sample, stale_nan},
};
use console_storage::{
    AppendError,
    metrics::{SampleAppender, SeriesBatch},
};

use self::{
    cache::{Mark, SeriesCache},
    labels::SeriesLabels,
    metadata::MetadataBook,
    report::Report,
};
use super::{
    config::JobConfig,
    error::ScrapeError,
    exposition::{self, Entry, ExemplarText, Format},
    fetch::Answer,
    target::Target,
};

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
}

impl Book {
    pub fn new(target: Arc<Target>, job: Arc<JobConfig>, appender: Arc<dyn SampleAppender>) -> Self {
        let report = Report::new(&target.labels);
        let (cache, metadata) = (SeriesCache::default(), MetadataBook::default());
        Self { target, job, appender, report, cache, metadata, last_ms: i64::MIN }
    }

    /// Stores a scrape of the time `t_ms`, which began at `started`.
    pub fn store(&mut self, t_ms: i64, started: Instant, answer: Result<Answer, ScrapeError>) -> Outcome {
        let answer = answer.and_then(|a| Ok((a.format, a.into_text(self.job.limits.body_size)?)));
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
                outcome.rejected.extend([("duplicate", read.duplicates), ("out_of_bounds", read.ahead)]);
                read.batch
            }
            Err(e) => {
                self.cache.abort();
                outcome.error = Some(e);
                Vec::new()
            }
        };
        let samples = batch.len() as u64;
        batch.extend(self.cache.vanished().map(|labels| point(labels, t_ms, stale_nan())));
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
        let ended = self.cache.vanished().chain(self.report.series());
        let batch: Vec<_> = ended.map(|labels| point(labels, t_ms, stale_nan())).collect();
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
        exposition::parse(format, text, |entry| {
            let sample = match entry {
                Entry::Sample(sample) => sample,
                other => {
                    metadata.see(&other);
                    return Ok(());
                }
            };
            tally.scraped += 1;
            let own_time = sample.timestamp_ms.filter(|_| self.job.honor_timestamps);
            let mark = cache.mark(sample.series, own_time.is_some(), || {
                series.of(&sample, metadata.kind_of(sample.name))
            })?;
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
            } else if !self.job.limits.is_over_samples(tally.kept) {
                let mut point = point(labels, own_time.unwrap_or(t_ms), sample.value);
                point.exemplars.extend(sample.exemplar.map(|e| exemplar(e, own_time.unwrap_or(t_ms))));
                read.batch.push(point);
            }
            Ok::<(), ScrapeError>(())
        })?;
        if self.job.limits.is_over_samples(tally.kept) {
            return Err(ScrapeError::SampleLimit { count: tally.kept, limit: self.job.limits.samples });
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
    let labels = Labels::from_pairs(text.labels.iter().map(|l| (l.name, l.value())));
    Exemplar { labels, value: text.value, t_ms: text.timestamp_ms.unwrap_or(t_ms) }
}

fn point(labels: Labels, t_ms: i64, v: f64) -> SeriesBatch {
    SeriesBatch::floats(labels, vec![Sample { t_ms, v }])
}

#[cfg(test)]
mod tests;
