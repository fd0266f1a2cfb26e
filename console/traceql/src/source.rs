//! [`TracesSource`] over a store of spans.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use console_model::{
    TimeRange,
    span::{SpanStatus, Trace, TraceId, TraceSummary},
};
use console_storage::{
    SourceError,
    source::TracesSource,
    traces::{AttributeScope, SpanReader},
};

use crate::{ast::*, error::Error, eval::Context, parser::parse, spanset::Pipeline, validate::validate};

/// At most this many matching spans come with a summary.
const MATCHED_SHOWN: usize = 3;

#[derive(Clone, Debug)]
pub struct TraceqlConfig {
    pub timeout: Duration,
    /// Traces one search may look at.
    pub max_traces: usize,
    /// The largest `limit` of a search or of tag values.
    pub max_limit: usize,
}

impl Default for TraceqlConfig {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(20), max_traces: 200_000, max_limit: 1000 }
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
        work: impl FnOnce(&dyn SpanReader, &Budget) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let reader = Arc::clone(&self.reader);
        let stop = StopOnDrop(Arc::new(AtomicBool::new(false)));
        let budget = Budget {
            stop: Arc::clone(&stop.0),
            deadline: Instant::now() + self.config.timeout,
            max_traces: self.config.max_traces,
        };
        let done = tokio::task::spawn_blocking(move || work(&*reader, &budget)).await;
        drop(stop);
        done.map_err(|e| SourceError::Internal(e.to_string()))?
    }
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Budget {
    stop: Arc<AtomicBool>,
    deadline: Instant,
    max_traces: usize,
}

impl Budget {
    fn check(&self, seen: usize) -> Result<(), SourceError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(SourceError::Canceled);
        }
        if Instant::now() > self.deadline {
            return Err(SourceError::Timeout);
        }
        if seen > self.max_traces {
            return Err(SourceError::Limit(format!(
                "the search looked at max_traces ({}) traces",
                self.max_traces
            )));
        }
        Ok(())
    }
}

fn search(
    reader: &dyn SpanReader,
    budget: &Budget,
    query: &str,
    range: TimeRange,
    limit: usize,
) -> Result<Vec<TraceSummary>, SourceError> {
    let query = parse(query)?;
    validate(&query)?;
    let Query::Spans(stages) = &query else {
        return Err(Error::Unsupported("metrics queries in a search".into()).into());
    };
    let pipeline = Pipeline::new(stages)?;
    let service = stages.first().and_then(|s| match s {
        Stage::Spansets(s) => service_hint(s),
        _ => None,
    });
    let mut found = Vec::new();
    let mut seen = 0;
    let mut failure = None;
    reader.scan(range, service, &mut |trace| {
        seen += 1;
        if let Err(e) = budget.check(seen) {
            failure = Some(e);
            return ControlFlow::Break(());
        }
        let context = Context::new(trace);
        let matched = pipeline.run(&context);
        if !matched.is_empty() {
            found.push(summary(&context, &matched));
        }
        if found.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failure.map_or(Ok(found), Err)
}

/// The service that every match of the set needs, if it needs one.
fn service_hint(spanset: &Spanset) -> Option<&str> {
    match spanset {
        Spanset::Filter(Some(field)) => service_of(field),
        Spanset::Binary { op: SpansetOp::And, left, right } => {
            service_hint(left).or_else(|| service_hint(right))
        }
        _ => None,
    }
}

fn service_of(field: &Field) -> Option<&str> {
    let Field::Binary { op, left, right } = field else { return None };
    match (op, &**left, &**right) {
        (Op::And, l, r) => service_of(l).or_else(|| service_of(r)),
        (
            Op::Equal,
            Field::Attribute(Attribute::Named { scope: Scope::Resource, name }),
            Field::Static(Static::String(value)),
        ) if name == "service.name" => Some(value),
        _ => None,
    }
}

fn summary(at: &Context<'_>, matched: &[usize]) -> TraceSummary {
    let trace: &Trace = at.trace;
    let mut services: BTreeMap<&str, u32> = BTreeMap::new();
    for span in &trace.spans {
        *services.entry(&span.service).or_default() += 1;
    }
    TraceSummary {
        trace_id: trace.trace_id,
        root_service: at.root.map(|r| r.service.clone()).unwrap_or_default(),
        root_name: at.root.map(|r| r.name.clone()).unwrap_or_default(),
        start_ns: trace.spans.iter().map(|s| s.start_ns).min().unwrap_or(0),
        duration_ns: at.duration_ns(),
        span_count: trace.spans.len() as u32,
        error_count: trace.spans.iter().filter(|s| s.status == SpanStatus::Error).count() as u32,
        services: services.into_iter().map(|(name, n)| (name.to_owned(), n)).collect(),
        matched: matched.iter().take(MATCHED_SHOWN).map(|i| trace.spans[*i].clone()).collect(),
        matched_count: matched.len() as u32,
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
        let query = query.to_owned();
        let limit = limit.clamp(1, self.config.max_limit);
        self.read(move |reader, budget| search(reader, budget, &query, range, limit)).await
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
}
