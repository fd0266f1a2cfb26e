//! [`MetricsSource`] over a store of series.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use console_model::{
    Labels, Matcher, TimeRange,
    cardinality::Cardinality,
    metric::{ExemplarSeries, MetricMetadata, PointSeries, QueryAnswer, QueryStats},
    profile::QueryProfile,
};
use console_storage::{
    SourceError, StorageError,
    metrics::SeriesReader,
    source::{MetricsSource, QueryOptions, QueryTime},
};

use crate::{
    ParseOptions,
    engine::{self, Moments},
    limits::PromqlLimits,
    parse, parse_selector, regexp, selectors,
};

/// Annotations of one kind in an answer, as in Prometheus' API.
const MAX_ANNOTATIONS: usize = 10;

/// Evaluates PromQL over a reader, on threads where blocking is allowed. A caller that goes away stops its query.
pub struct PromqlSource {
    reader: Arc<dyn SeriesReader>,
    limits: PromqlLimits,
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl PromqlSource {
    pub fn new(reader: Arc<dyn SeriesReader>, limits: PromqlLimits) -> Self {
        Self { reader, limits }
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn SeriesReader, &Arc<AtomicBool>) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let reader = Arc::clone(&self.reader);
        let stop = StopOnDrop(Arc::new(AtomicBool::new(false)));
        let flag = Arc::clone(&stop.0);
        let done = tokio::task::spawn_blocking(move || work(&*reader, &flag)).await;
        drop(stop);
        done.map_err(|e| SourceError::Internal(e.to_string()))?
    }

    async fn evaluate(
        &self,
        expr: &str,
        moments: Moments,
        options: QueryOptions,
        profiled: bool,
    ) -> Result<(QueryAnswer, Option<QueryProfile>), SourceError> {
        let begun = Instant::now();
        let (text, mut limits) = (expr.to_owned(), self.limits.clone());
        limits.profiled = profiled;
        if let Some(lookback_ms) =
            options.lookback_ms.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0)
        {
            limits.lookback = Duration::from_millis(lookback_ms);
        }
        self.work(move |reader, stop| {
            let queue_us = micros(begun);
            let mut outcome = engine::evaluate(reader, &text, moments, &limits, stop)?;
            if let Some(profile) = &mut outcome.profile {
                profile.timings.queue_us = queue_us;
                profile.timings.total_us = micros(begun);
            }
            let answer = QueryAnswer {
                value: outcome.value.into_query_value(),
                warnings: bounded(outcome.warnings, "warning"),
                infos: bounded(outcome.infos, "info"),
                stats: QueryStats {
                    series: outcome.series,
                    samples: outcome.samples,
                    bytes: outcome.samples * size_of::<console_model::metric::Sample>() as u64,
                    duration_us: micros(begun),
                },
            };
            Ok((answer, outcome.profile))
        })
        .await
    }

    /// What `list` gives for each of the selectors, or for all series, in order and without repeats.
    async fn union<T: Ord + Send + 'static>(
        &self,
        selectors: &[String],
        limit: usize,
        list: impl Fn(&dyn SeriesReader, &[Matcher]) -> Result<Vec<T>, StorageError> + Send + 'static,
    ) -> Result<Vec<T>, SourceError> {
        let selectors = selectors.iter().map(|s| parse_selector(s)).collect::<Result<Vec<_>, _>>()?;
        self.work(move |reader, stop| {
            if let [] | [_] = selectors.as_slice() {
                return Ok(list(reader, selectors.first().map_or(&[], Vec::as_slice))?);
            }
            let mut all = BTreeSet::new();
            for matchers in &selectors {
                if stop.load(Ordering::Relaxed) {
                    return Err(SourceError::Canceled);
                }
                all.extend(list(reader, matchers)?);
            }
            let most = if limit == 0 { usize::MAX } else { limit };
            Ok(all.into_iter().take(most).collect())
        })
        .await
    }
}

fn micros(since: Instant) -> u64 {
    since.elapsed().as_micros() as u64
}

fn moments(time: QueryTime) -> Moments {
    match time {
        QueryTime::At { at_ms } => Moments::Instant { at_ms },
        QueryTime::Range { start_ms, end_ms, step_ms } => Moments::Range { start_ms, end_ms, step_ms },
    }
}

/// The first annotations and how many more there were.
fn bounded(mut all: Vec<String>, kind: &str) -> Vec<String> {
    let more = all.len().saturating_sub(MAX_ANNOTATIONS);
    if more > 0 {
        all.truncate(MAX_ANNOTATIONS);
        all.push(format!("{more} more {kind} annotations omitted"));
    }
    all
}

#[async_trait]
impl MetricsSource for PromqlSource {
    async fn query(&self, expr: &str, at_ms: i64) -> Result<QueryAnswer, SourceError> {
        self.query_with(expr, QueryTime::At { at_ms }, QueryOptions::default()).await
    }

    async fn query_range(
        &self,
        expr: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<QueryAnswer, SourceError> {
        self.query_with(expr, QueryTime::Range { start_ms, end_ms, step_ms }, QueryOptions::default()).await
    }

    async fn query_with(
        &self,
        expr: &str,
        time: QueryTime,
        options: QueryOptions,
    ) -> Result<QueryAnswer, SourceError> {
        Ok(self.evaluate(expr, moments(time), options, false).await?.0)
    }

    async fn query_profiled(
        &self,
        expr: &str,
        time: QueryTime,
        options: QueryOptions,
    ) -> Result<(QueryAnswer, Option<QueryProfile>), SourceError> {
        self.evaluate(expr, moments(time), options, true).await
    }

    async fn read(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<PointSeries>, SourceError> {
        let (matchers, most) = (regexp::for_stores(matchers), self.limits.max_samples);
        self.work(move |reader, _| Ok(reader.select_points(&matchers, start_ms, end_ms, most)?)).await
    }

    async fn series(
        &self,
        matchers: &[String],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, SourceError> {
        self.union(matchers, limit, move |reader, m| reader.series(m, range, limit)).await
    }

    async fn label_names(
        &self,
        matchers: &[String],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, SourceError> {
        self.union(matchers, limit, move |reader, m| reader.label_names(m, range, limit)).await
    }

    async fn label_values(
        &self,
        name: &str,
        matchers: &[String],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, SourceError> {
        let name = name.to_owned();
        self.union(matchers, limit, move |reader, m| reader.label_values(&name, m, range, limit)).await
    }

    async fn metadata(&self, metric: Option<&str>, limit: usize) -> Result<Vec<MetricMetadata>, SourceError> {
        let metric = metric.map(str::to_owned);
        self.work(move |reader, _| Ok(reader.metadata(metric.as_deref(), limit)?)).await
    }

    async fn exemplars(&self, expr: &str, range: TimeRange) -> Result<Vec<ExemplarSeries>, SourceError> {
        let expr = parse(expr, ParseOptions { experimental: self.limits.experimental })?;
        let selected: Vec<Vec<Matcher>> = selectors(&expr).into_iter().map(|s| s.matchers.clone()).collect();
        self.work(move |reader, _| {
            Ok(reader.exemplars(&selected, range.start_ms, range.end_ms.saturating_sub(1))?)
        })
        .await
    }

    async fn cardinality(&self, limit: usize) -> Result<Cardinality, SourceError> {
        self.work(move |reader, _| Ok(reader.cardinality(limit)?)).await
    }
}
