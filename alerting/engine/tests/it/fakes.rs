//! Sources that answer what a test tells them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use console_model::{
    Labels, TimeRange,
    log::{Direction, LogAnswer, LogEntry, LogStream, TailFrame},
    metric::{MetricMetadata, QueryAnswer, QueryStats, QueryValue, Sample, Series},
    span::{Trace, TraceId, TraceSummary},
};
use console_storage::{
    AppendError, SourceError,
    metrics::{AppendOutcome, SampleAppender, SeriesBatch},
    source::{LogsSource, MetricsSource, TracesSource},
    traces::AttributeScope,
};
use parking_lot::Mutex;

type Answer<T> = Result<T, SourceError>;

/// Answers an expression with the vector that was set for it, and remembers what was written.
#[derive(Default)]
pub struct FakeMetrics {
    pub vectors: Mutex<BTreeMap<String, Vec<(Labels, f64)>>>,
    pub failing: Mutex<Option<String>>,
    pub written: Mutex<Vec<(Labels, Sample)>>,
}

impl FakeMetrics {
    pub fn set(&self, expr: &str, vector: &[(&[(&str, &str)], f64)]) {
        let vector = vector.iter().map(|(l, v)| (Labels::from_pairs(l.iter().copied()), *v)).collect();
        self.vectors.lock().insert(expr.to_owned(), vector);
    }

    /// Values written for a series, by its printed form.
    pub fn values(&self, series: &str) -> Vec<f64> {
        self.written.lock().iter().filter(|(l, _)| l.to_string() == series).map(|(_, s)| s.v).collect()
    }
}

#[async_trait]
impl MetricsSource for FakeMetrics {
    async fn query(&self, expr: &str, at_ms: i64) -> Answer<QueryAnswer> {
        if let Some(message) = self.failing.lock().clone() {
            return Err(SourceError::Execution(message));
        }
        let value = if expr.starts_with("ALERTS_FOR_STATE{") {
            let mut series: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
            for (labels, sample) in self.written.lock().iter() {
                if labels.metric_name() == "ALERTS_FOR_STATE" && sample.t_ms <= at_ms {
                    series.entry(labels.clone()).or_default().push(*sample);
                }
            }
            QueryValue::Matrix(
                series.into_iter().map(|(labels, samples)| Series { labels, samples }).collect(),
            )
        } else {
            let vectors = self.vectors.lock();
            let found = vectors.get(expr).cloned().unwrap_or_default();
            QueryValue::Vector(found.into_iter().map(|(l, v)| (l, Sample { t_ms: at_ms, v })).collect())
        };
        Ok(QueryAnswer { value, warnings: Vec::new(), infos: Vec::new(), stats: QueryStats::default() })
    }

    async fn query_range(&self, _: &str, _: i64, _: i64, _: i64) -> Answer<QueryAnswer> {
        Err(SourceError::Unsupported("range".to_owned()))
    }

    async fn series(&self, _: &[String], _: TimeRange, _: usize) -> Answer<Vec<Labels>> {
        Ok(Vec::new())
    }

    async fn label_names(&self, _: &[String], _: TimeRange, _: usize) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }

    async fn label_values(&self, _: &str, _: &[String], _: TimeRange, _: usize) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }

    async fn metadata(&self, _: Option<&str>, _: usize) -> Answer<Vec<MetricMetadata>> {
        Ok(Vec::new())
    }
}

impl SampleAppender for FakeMetrics {
    fn append(&self, batch: &[SeriesBatch]) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        let mut written = self.written.lock();
        for one in batch {
            written.extend(one.samples.iter().map(|s| (one.labels.clone(), *s)));
        }
        Ok((AppendOutcome { accepted: batch.len() as u64, ..AppendOutcome::default() }, None))
    }

    fn put_metadata(&self, _: &[MetricMetadata]) -> Result<(), AppendError> {
        Ok(())
    }
}

/// One trace and one line, after a delay.
pub struct FakeEvidence {
    pub trace_id: Option<TraceId>,
    pub lines: Vec<String>,
    pub delay: Duration,
}

impl FakeEvidence {
    pub fn none() -> Arc<Self> {
        Arc::new(Self { trace_id: None, lines: Vec::new(), delay: Duration::ZERO })
    }
}

#[async_trait]
impl TracesSource for FakeEvidence {
    async fn trace(&self, _: TraceId) -> Answer<Option<Trace>> {
        Ok(None)
    }

    async fn search(&self, _: &str, _: TimeRange, _: usize) -> Answer<Vec<TraceSummary>> {
        tokio::time::sleep(self.delay).await;
        let other = TraceId([9; 16]);
        let summary = |trace_id| TraceSummary {
            trace_id,
            root_service: "payments".to_owned(),
            root_name: "POST /v1/authorisations".to_owned(),
            start_ns: 0,
            duration_ns: 1,
            span_count: 1,
            error_count: 1,
            services: Vec::new(),
            matched: Vec::new(),
            matched_count: 1,
        };
        Ok(self.trace_id.map(|id| vec![summary(other), summary(id)]).unwrap_or_default())
    }

    async fn tag_names(&self, _: TimeRange) -> Answer<Vec<(AttributeScope, String)>> {
        Ok(Vec::new())
    }

    async fn tag_values(
        &self,
        _: Option<AttributeScope>,
        _: &str,
        _: TimeRange,
        _: usize,
    ) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl LogsSource for FakeEvidence {
    async fn query(&self, _: &str, _: i64, _: usize, _: Direction) -> Answer<LogAnswer> {
        Err(SourceError::Unsupported("instant".to_owned()))
    }

    async fn query_range(
        &self,
        _: &str,
        _: i64,
        _: i64,
        _: i64,
        _: usize,
        _: Direction,
    ) -> Answer<LogAnswer> {
        tokio::time::sleep(self.delay).await;
        let entries =
            self.lines.iter().map(|l| LogEntry { t_ns: 1, line: l.clone(), metadata: Vec::new() }).collect();
        let streams = vec![LogStream { labels: Labels::default(), entries }];
        Ok(LogAnswer::Streams { streams, stats: QueryStats::default() })
    }

    async fn label_names(&self, _: TimeRange) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }

    async fn label_values(&self, _: &str, _: TimeRange) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }

    async fn series(&self, _: &[String], _: TimeRange) -> Answer<Vec<Labels>> {
        Ok(Vec::new())
    }

    async fn tail(&self, _: &str) -> Answer<tokio::sync::mpsc::Receiver<TailFrame>> {
        Err(SourceError::Unsupported("tail".to_owned()))
    }
}
