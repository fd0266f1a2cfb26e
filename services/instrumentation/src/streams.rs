//! Trace context through Redis Streams: a producer adds the fields of [`inject_context`] to its entry, a consumer
//! continues the trace with [`extract_context`] and [`continue_trace`].

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The fields (`traceparent`, `tracestate`) that carry the current span; empty outside a span.
pub fn inject_context() -> Vec<(String, String)> {
    let mut fields = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut fields);
    let mut fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    fields.sort();
    fields
}

/// The context that an entry carries; an empty one when it carries none or garbage.
pub fn extract_context<K: AsRef<str>, V: AsRef<str>>(fields: impl IntoIterator<Item = (K, V)>) -> Context {
    let fields: HashMap<String, String> = fields
        .into_iter()
        .filter(|(name, _)| matches!(name.as_ref(), "traceparent" | "tracestate"))
        .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()))
        .collect();
    TraceContextPropagator::new().extract_with_context(&Context::new(), &fields)
}

/// Makes `span` a child of the context that came with an entry. Call it before the span is first entered.
pub fn continue_trace(span: &Span, parent: Context) {
    if let Err(error) = span.set_parent(parent) {
        tracing::debug!(%error, "trace context not continued");
    }
}
