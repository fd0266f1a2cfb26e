//! Which spans are taken.

use console_model::span::{AttributeValue, Attributes, Span};
use console_storage::AppendError;

use crate::config::TraceStoreConfig;

/// Looks at one span alone.
pub fn check(
    span: &Span,
    config: &TraceStoreConfig,
    (aged_ms, now_ms): (i64, i64),
) -> Result<(), AppendError> {
    let limit = |message: String| Err(AppendError::Limit(message));
    if span.trace_id.is_zero() || span.span_id.is_zero() {
        return Err(AppendError::Invalid("span without trace id or span id".into()));
    }
    if span.duration_ns < 0 {
        return Err(AppendError::Invalid(format!("span {} ends before it starts", span.span_id)));
    }
    let start_ms = span.start_ns / 1_000_000;
    if start_ms > now_ms.saturating_add(config.max_future_ms) {
        return limit(format!(
            "span {} starts more than max_future_ms ({}) after now",
            span.span_id, config.max_future_ms
        ));
    }
    if start_ms < aged_ms.saturating_sub(config.retention_ms) {
        return limit(format!(
            "span {} is older than the retention ({} ms)",
            span.span_id, config.retention_ms
        ));
    }
    let bytes = approximate_bytes(span);
    if bytes > config.max_span_bytes {
        return limit(format!(
            "span {} has about {bytes} bytes, more than max_span_bytes ({})",
            span.span_id, config.max_span_bytes
        ));
    }
    Ok(())
}

pub fn approximate_bytes(span: &Span) -> usize {
    64 + span.name.len()
        + span.status_message.len()
        + attributes(&span.attributes)
        + attributes(&span.resource)
        + attributes(&span.scope_attributes)
        + span.events.iter().map(|e| 64 + e.name.len() + attributes(&e.attributes)).sum::<usize>()
        + span.links.iter().map(|l| 64 + attributes(&l.attributes)).sum::<usize>()
}

fn attributes(list: &Attributes) -> usize {
    list.iter().map(|(k, v)| 24 + k.len() + value(v)).sum()
}

/// What is empty takes room too.
fn value(v: &AttributeValue) -> usize {
    32 + match v {
        AttributeValue::String(s) => s.len(),
        AttributeValue::Bytes(b) => b.len(),
        AttributeValue::Array(a) => a.iter().map(value).sum(),
        AttributeValue::Map(m) => attributes(m),
        AttributeValue::Bool(_) | AttributeValue::Int(_) | AttributeValue::Double(_) => 0,
    }
}
