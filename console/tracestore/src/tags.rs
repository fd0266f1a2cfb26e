//! Attribute names and values, read from the newest traces of a range.

use std::{collections::BTreeSet, ops::ControlFlow};

use console_model::{
    TimeRange,
    span::{Span, SpanKind, SpanStatus},
};
use console_storage::{
    StorageError,
    traces::{AttributeScope, SpanReader},
};

/// Intrinsics offered as names. Their values come from the spans too, where they are a small set.
const INTRINSICS: [&str; 10] = [
    "duration",
    "kind",
    "name",
    "rootName",
    "rootServiceName",
    "span:id",
    "status",
    "statusMessage",
    "trace:id",
    "traceDuration",
];

fn each_span(
    reader: &dyn SpanReader,
    range: TimeRange,
    max_traces: usize,
    visit: &mut dyn FnMut(&Span) -> ControlFlow<()>,
) -> Result<(), StorageError> {
    let mut left = max_traces;
    reader.scan(range, None, &mut |trace| {
        for span in &trace.spans {
            visit(span)?;
        }
        left = left.saturating_sub(1);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

/// Names by scope: intrinsics, then resource, then span, each in order.
pub fn names(
    reader: &dyn SpanReader,
    range: TimeRange,
    max_traces: usize,
) -> Result<Vec<(AttributeScope, String)>, StorageError> {
    let (mut resource, mut span_keys) = (BTreeSet::new(), BTreeSet::new());
    each_span(reader, range, max_traces, &mut |span| {
        for (keys, set) in [(&span.resource, &mut resource), (&span.attributes, &mut span_keys)] {
            for (key, _) in keys {
                if !set.contains(key) {
                    set.insert(key.clone());
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    let intrinsics = INTRINSICS.iter().map(|n| (AttributeScope::Intrinsic, (*n).to_owned()));
    Ok(intrinsics
        .chain(resource.into_iter().map(|n| (AttributeScope::Resource, n)))
        .chain(span_keys.into_iter().map(|n| (AttributeScope::Span, n)))
        .collect())
}

/// Values of a name, ordered.
pub fn values(
    reader: &dyn SpanReader,
    scope: Option<AttributeScope>,
    name: &str,
    range: TimeRange,
    limit: usize,
    max_traces: usize,
) -> Result<Vec<String>, StorageError> {
    let mut out: BTreeSet<String> = BTreeSet::new();
    each_span(reader, range, max_traces, &mut |span| {
        let mut add = |v: Option<String>| {
            if let Some(v) = v {
                out.insert(v);
            }
        };
        match scope {
            Some(AttributeScope::Intrinsic) => add(intrinsic(span, name)),
            Some(AttributeScope::Event | AttributeScope::Link | AttributeScope::Instrumentation) => {}
            Some(AttributeScope::Span) => add(span.attribute(name).map(ToString::to_string)),
            Some(AttributeScope::Resource) => add(span.resource_attribute(name).map(ToString::to_string)),
            None => {
                add(span.attribute(name).map(ToString::to_string));
                add(span.resource_attribute(name).map(ToString::to_string));
            }
        }
        if out.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(out.into_iter().take(limit).collect())
}

fn intrinsic(span: &Span, name: &str) -> Option<String> {
    let is_root = span.parent_span_id.is_none();
    match name {
        "name" | "span:name" => Some(span.name.clone()),
        "status" | "span:status" => Some(
            match span.status {
                SpanStatus::Unset => "unset",
                SpanStatus::Ok => "ok",
                SpanStatus::Error => "error",
            }
            .to_owned(),
        ),
        "kind" | "span:kind" => Some(
            match span.kind {
                SpanKind::Unspecified => "unspecified",
                SpanKind::Internal => "internal",
                SpanKind::Server => "server",
                SpanKind::Client => "client",
                SpanKind::Producer => "producer",
                SpanKind::Consumer => "consumer",
            }
            .to_owned(),
        ),
        "statusMessage" | "span:statusMessage" if !span.status_message.is_empty() => {
            Some(span.status_message.clone())
        }
        "rootName" | "trace:rootName" if is_root => Some(span.name.clone()),
        "rootServiceName" | "trace:rootService" if is_root => Some(span.service.clone()),
        _ => None,
    }
}
