//! What is asked of traces beyond a plain search, and what is answered.

use console_model::{
    TimeRange,
    span::{AttributeValue, SpanId, TraceId, TraceSummary},
};

use crate::traces::AttributeScope;

/// How much a search shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchOptions {
    /// Most traces.
    pub limit: usize,
    /// Most matching spans of each trace.
    pub spans_per_trace: usize,
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// Traces that were looked at.
    pub traces: u64,
    pub spans: u64,
}

/// Traces, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchAnswer {
    pub traces: Vec<TraceSummary>,
    /// None: the backend does not say.
    pub inspected: Option<Inspected>,
}

/// When a metrics query over spans is evaluated. A point at `t` stands for spans that start in `(t - step, t]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsRange {
    pub start_ns: i64,
    pub end_ns: i64,
    /// None: one point, for the whole range.
    pub step_ns: Option<i64>,
    /// Most exemplars of a series.
    pub exemplars: usize,
}

/// A span that a point counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpanExemplar {
    /// When the span starts.
    pub at_ns: i64,
    pub value: f64,
    pub trace_id: TraceId,
    pub span_id: SpanId,
}

/// One series of a metrics query over spans.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanSeries {
    /// By the names that the query uses (`resource.service.name`); what a span does not have is the text `nil`.
    pub labels: Vec<(String, AttributeValue)>,
    /// Milliseconds and value, ascending.
    pub samples: Vec<(i64, f64)>,
    pub exemplars: Vec<SpanExemplar>,
}

/// Series in order of their labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanMetrics {
    pub series: Vec<SpanSeries>,
    pub inspected: Option<Inspected>,
}

/// Which names or values of attributes are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagQuery {
    /// TraceQL: only of spans that match.
    pub matching: Option<String>,
    pub range: TimeRange,
    /// Most names of a scope, or most values.
    pub limit: usize,
}

/// An attribute that values are asked of. `scope` absent: of the span or of its resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub scope: Option<AttributeScope>,
    pub name: String,
}
