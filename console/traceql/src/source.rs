//! [`TracesSource`] over a store of spans.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use console_model::{
    TimeRange,
    span::{AttributeValue, Trace, TraceId, TraceSummary},
};
use console_storage::{
    SourceError,
    source::TracesSource,
    trace_query::{Inspected, MetricsRange, SearchAnswer, SearchOptions, SpanMetrics, Tag, TagQuery},
    traces::{AttributeScope, SpanReader},
};

use crate::{
    budget::{Budget, StopOnDrop},
    metrics::Room,
    search, tags,
};

/// At most this many matching spans come with a summary where nobody says how many.
const MATCHED_SHOWN: usize = 3;

#[derive(Clone, Debug)]
pub struct TraceqlConfig {
    pub timeout: Duration,
    /// Traces one search or metrics query may look at.
    pub max_traces: usize,
    /// The largest `limit` of a search or of tag values.
    pub max_limit: usize,
    /// Matching spans of one trace that a search shows.
    pub max_spans_per_trace: usize,
    /// Points of a series of a metrics query.
    pub max_points: usize,
    /// Series of a metrics query, before `topk` and thresholds.
    pub max_series: usize,
    /// Numbers that a metrics query keeps, of eight bytes.
    pub max_numbers: usize,
}

impl Default for TraceqlConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(20),
            max_traces: 200_000,
            max_limit: 1000,
            max_spans_per_trace: 100,
            max_points: 11_000,
            max_series: 10_000,
            max_numbers: 4_000_000,
        }
    }
}

pub struct TraceqlSource {
    reader: Arc<dyn SpanReader>,
    config: TraceqlConfig,
}

impl TraceqlSource {
    pub fn new(reader: Arc<dyn SpanReader>, config: TraceqlConfig) -> Self {
        Self { reader, config }
    }

    /// Runs a read on a blocking thread; when the caller goes away, the read is told to stop.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn SpanReader, &mut Budget) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let reader = Arc::clone(&self.reader);
        let stop = StopOnDrop(Arc::new(AtomicBool::new(false)));
        let mut budget = Budget {
            stop: Arc::clone(&stop.0),
            deadline: Instant::now() + self.config.timeout,
            max_traces: self.config.max_traces,
            inspected: Inspected::default(),
        };
        let done = tokio::task::spawn_blocking(move || work(&*reader, &mut budget)).await;
        drop(stop);
        done.map_err(|e| SourceError::Internal(e.to_string()))?
    }

    fn bounded(&self, tags: &TagQuery) -> TagQuery {
        TagQuery { limit: tags.limit.clamp(1, self.config.max_limit), ..tags.clone() }
    }
}

#[async_trait]
impl TracesSource for TraceqlSource {
    async fn trace(&self, id: TraceId) -> Result<Option<Trace>, SourceError> {
        self.read(move |reader, _| Ok(reader.trace(id)?)).await
    }

    async fn search(
        &self,
        query: &str,
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<TraceSummary>, SourceError> {
        let options = SearchOptions { limit, spans_per_trace: MATCHED_SHOWN };
        Ok(self.search_with(query, range, options).await?.traces)
    }

    async fn tag_names(&self, range: TimeRange) -> Result<Vec<(AttributeScope, String)>, SourceError> {
        self.read(move |reader, _| Ok(reader.tag_names(range)?)).await
    }

    async fn tag_values(
        &self,
        scope: Option<AttributeScope>,
        name: &str,
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, SourceError> {
        let name = name.to_owned();
        let limit = limit.clamp(1, self.config.max_limit);
        self.read(move |reader, _| Ok(reader.tag_values(scope, &name, range, limit)?)).await
    }

    async fn search_with(
        &self,
        query: &str,
        range: TimeRange,
        options: SearchOptions,
    ) -> Result<SearchAnswer, SourceError> {
        let query = query.to_owned();
        let options = SearchOptions {
            limit: options.limit.clamp(1, self.config.max_limit),
            spans_per_trace: options.spans_per_trace.min(self.config.max_spans_per_trace),
        };
        self.read(move |reader, budget| search::search(reader, budget, &query, range, options)).await
    }

    async fn tag_names_of(&self, tags: &TagQuery) -> Result<Vec<(AttributeScope, String)>, SourceError> {
        let tags = self.bounded(tags);
        self.read(move |reader, budget| tags::names(reader, budget, &tags)).await
    }

    async fn tag_values_of(&self, tag: &Tag, tags: &TagQuery) -> Result<Vec<AttributeValue>, SourceError> {
        let (tag, tags) = (tag.clone(), self.bounded(tags));
        self.read(move |reader, budget| tags::values(reader, budget, &tag, &tags)).await
    }

    async fn metrics_range(&self, query: &str, range: MetricsRange) -> Result<SpanMetrics, SourceError> {
        let query = query.to_owned();
        let room = Room {
            max_points: self.config.max_points,
            series: self.config.max_series,
            numbers: self.config.max_numbers,
        };
        self.read(move |reader, budget| search::metrics(reader, budget, &query, range, room)).await
    }
}
