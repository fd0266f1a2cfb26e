//! One search over a store of spans.

use std::{collections::BTreeMap, ops::ControlFlow};

use console_model::{
    TimeRange,
    span::{SpanStatus, Trace, TraceSummary},
};
use console_storage::{
    SourceError,
    trace_query::{MetricsRange, SearchAnswer, SearchOptions, SpanMetrics},
    traces::SpanReader,
};

use crate::{
    ast::*,
    budget::Budget,
    conditions,
    context::Context,
    error::Error,
    metrics::{Evaluation, Room},
    parser::parse,
    scalar::PipelineComparison,
    spanset::{Pipeline, Spans},
    validate::validate,
};

/// Exemplars of a series for `with (exemplars=true)` where the caller asks for none.
const HINTED_EXEMPLARS: usize = 100;
const MAX_EXEMPLARS: usize = 1000;

/// A query that selects spans, ready to run.
pub enum Selection {
    Pipeline(Pipeline),
    Compare(PipelineComparison),
}

impl Selection {
    pub fn new(body: &Body) -> Result<Self, Error> {
        match body {
            Body::Spans(stages) => Pipeline::new(stages).map(Self::Pipeline),
            Body::Compare { left, op, right } => PipelineComparison::new(left, *op, right).map(Self::Compare),
            Body::Metrics(_) => Err(Error::Unsupported {
                what: "metrics queries in a search (they belong to query_range)".to_owned(),
                position: None,
            }),
        }
    }

    /// Positions of the matching spans.
    pub fn run(&self, at: &Context<'_>) -> Spans {
        match self {
            Self::Pipeline(p) => p.run(at),
            Self::Compare(c) => c.run(at),
        }
    }
}

/// Visits traces that may match until the visitor breaks or the budget is spent.
pub fn each_trace(
    reader: &dyn SpanReader,
    budget: &mut Budget,
    range: TimeRange,
    body: &Body,
    visit: &mut dyn FnMut(&Trace) -> Result<ControlFlow<()>, SourceError>,
) -> Result<(), SourceError> {
    let mut failure = None;
    reader.scan_matching(range, &conditions::patterns(body), &mut |trace| match budget
        .trace(trace.spans.len())
        .and_then(|()| visit(trace))
    {
        Ok(flow) => flow,
        Err(e) => {
            failure = Some(e);
            ControlFlow::Break(())
        }
    })?;
    failure.map_or(Ok(()), Err)
}

pub fn search(
    reader: &dyn SpanReader,
    budget: &mut Budget,
    query: &str,
    range: TimeRange,
    options: SearchOptions,
) -> Result<SearchAnswer, SourceError> {
    let query = parse(query)?;
    validate(&query)?;
    let selection = Selection::new(&query.body)?;
    let mut traces = Vec::new();
    each_trace(reader, budget, range, &query.body, &mut |trace| {
        let context = Context::new(trace);
        let matched = selection.run(&context);
        if !matched.is_empty() {
            traces.push(summary(&context, &matched, options.spans_per_trace));
        }
        Ok(if traces.len() >= options.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(SearchAnswer { traces, inspected: Some(budget.inspected) })
}

pub fn metrics(
    reader: &dyn SpanReader,
    budget: &mut Budget,
    query: &str,
    mut range: MetricsRange,
    room: Room,
) -> Result<SpanMetrics, SourceError> {
    let query = parse(query)?;
    validate(&query)?;
    let Body::Metrics(metrics) = &query.body else {
        let what = "a query without a metrics function such as rate()".to_owned();
        return Err(Error::Unsupported { what, position: None }.into());
    };
    range.exemplars = exemplars(&query.hints, range.exemplars);
    let mut evaluation = Evaluation::new(metrics, range, room)?;
    each_trace(reader, budget, evaluation.range(), &query.body, &mut |trace| {
        evaluation.observe(&Context::new(trace)).map(|()| ControlFlow::Continue(()))
    })?;
    Ok(SpanMetrics { series: evaluation.finish(), inspected: Some(budget.inspected) })
}

/// The hint has the last word.
fn exemplars(hints: &[(String, Static)], asked: usize) -> usize {
    let hint = hints.iter().rev().find(|(name, _)| name == "exemplars");
    let wanted = match hint.map(|(_, value)| value) {
        Some(Static::Bool(false)) => 0,
        Some(Static::Bool(true)) if asked == 0 => HINTED_EXEMPLARS,
        Some(Static::Int(n)) => usize::try_from(*n).unwrap_or(0),
        _ => asked,
    };
    wanted.min(MAX_EXEMPLARS)
}

fn summary(at: &Context<'_>, matched: &[usize], shown: usize) -> TraceSummary {
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
        matched: matched.iter().take(shown).map(|i| trace.spans[*i].clone()).collect(),
        matched_count: matched.len() as u32,
    }
}
