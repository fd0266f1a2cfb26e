//! Spans that were measured elsewhere, in a browser: their times are told, and so is the span that they belong to.
//!
//! Whoever calls this has made sure that it was this service which handed the identity out.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value, global};

/// The identity of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanIdentity {
    /// Its trace.
    pub trace_id: [u8; 16],
    /// The span.
    pub span_id: [u8; 8],
    /// Whether it is recorded.
    pub is_sampled: bool,
}

/// How a span belongs to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Part of the other's trace, below it.
    ChildOf,
    /// A trace of its own that points to the other: one of many that came of it.
    LinkedTo,
}

/// A span that has ended.
#[derive(Debug, Clone)]
pub struct MeasuredSpan {
    /// Its name; of few.
    pub name: String,
    /// Its begin.
    pub start: DateTime<Utc>,
    /// Its end.
    pub end: DateTime<Utc>,
    /// What failed in it.
    pub error: Option<&'static str>,
    /// What is known of it.
    pub attributes: Vec<(&'static str, Value)>,
}

/// The span in which the caller runs.
pub fn current_span() -> Option<SpanIdentity> {
    let context = Context::current();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| SpanIdentity {
        trace_id: span.trace_id().to_bytes(),
        span_id: span.span_id().to_bytes(),
        is_sampled: span.is_sampled(),
    })
}

/// Records the span, and runs `inside` within it, so that log records belong to it.
pub fn record<T>(
    measured: MeasuredSpan,
    relation: Relation,
    other: SpanIdentity,
    inside: impl FnOnce() -> T,
) -> T {
    let tracer = global::tracer("shop-instrumentation");
    let other = SpanContext::new(
        TraceId::from_bytes(other.trace_id),
        SpanId::from_bytes(other.span_id),
        if other.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() },
        true,
        TraceState::default(),
    );
    let builder = tracer
        .span_builder(measured.name)
        .with_kind(SpanKind::Internal)
        .with_start_time(SystemTime::from(measured.start))
        .with_attributes(measured.attributes.into_iter().map(|(key, value)| KeyValue::new(key, value)));
    let span = match relation {
        Relation::ChildOf => {
            builder.start_with_context(&tracer, &Context::new().with_remote_span_context(other))
        }
        Relation::LinkedTo => {
            builder.with_links(vec![Link::with_context(other)]).start_with_context(&tracer, &Context::new())
        }
    };
    let context = Context::new().with_span(span);
    let answer = {
        let _inside = context.clone().attach();
        inside()
    };
    if let Some(error) = measured.error {
        context.span().set_status(Status::error(error));
    }
    context.span().end_with_timestamp(SystemTime::from(measured.end));
    answer
}
