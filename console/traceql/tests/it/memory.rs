//! A store of a few traces that skips all it is allowed to skip.

use std::{cmp::Ordering, ops::ControlFlow};

use console_model::{
    TimeRange,
    span::{AttributeValue as V, Attributes, Span, SpanKind, SpanStatus, Trace, TraceId},
};
use console_storage::{
    StorageError,
    traces::{AttributeScope, ConditionOp, SpanCondition, SpanPattern, SpanReader},
};

pub struct Memory {
    pub traces: Vec<Trace>,
    /// Whether conditions are heeded.
    pub skips: bool,
}

fn order(a: &V, b: &V) -> Option<Ordering> {
    let number = |v: &V| match v {
        V::Int(i) => Some(*i as f64),
        V::Double(d) => Some(*d),
        _ => None,
    };
    match (a, b) {
        (V::String(a), V::String(b)) => Some(a.cmp(b)),
        (V::Bool(a), V::Bool(b)) => Some(a.cmp(b)),
        _ => number(a)?.partial_cmp(&number(b)?),
    }
}

fn meets(v: &V, c: &SpanCondition) -> bool {
    let Some(wanted) = &c.value else { return true };
    if let V::Array(items) = v {
        return c.op == ConditionOp::NotEqual || items.iter().any(|i| meets(i, c));
    }
    let order = order(v, wanted);
    match c.op {
        ConditionOp::Equal => order == Some(Ordering::Equal),
        ConditionOp::NotEqual => order.is_some_and(Ordering::is_ne),
        ConditionOp::Less => order == Some(Ordering::Less),
        ConditionOp::LessOrEqual => order.is_some_and(Ordering::is_le),
        ConditionOp::Greater => order == Some(Ordering::Greater),
        ConditionOp::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        ConditionOp::Exists => true,
    }
}

fn intrinsic(span: &Span, name: &str) -> Vec<V> {
    let text = |s: &str| vec![V::String(s.to_owned())];
    match name {
        "name" => text(&span.name),
        "statusMessage" => text(&span.status_message),
        "duration" => vec![V::Int(span.duration_ns)],
        "status" => text(match span.status {
            SpanStatus::Unset => "unset",
            SpanStatus::Ok => "ok",
            SpanStatus::Error => "error",
        }),
        "kind" => text(match span.kind {
            SpanKind::Unspecified => "unspecified",
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        }),
        "event:name" => span.events.iter().map(|e| V::String(e.name.clone())).collect(),
        "instrumentation:name" => text(&span.scope_name),
        "instrumentation:version" => text(&span.scope_version),
        other => panic!("a store cannot answer {other}"),
    }
}

fn met(span: &Span, c: &SpanCondition) -> bool {
    let lists: Vec<&Attributes> = match c.scope {
        None => vec![&span.attributes, &span.resource],
        Some(AttributeScope::Span) => vec![&span.attributes],
        Some(AttributeScope::Resource) => vec![&span.resource],
        Some(AttributeScope::Event) => span.events.iter().map(|e| &e.attributes).collect(),
        Some(AttributeScope::Link) => span.links.iter().map(|l| &l.attributes).collect(),
        Some(AttributeScope::Instrumentation) => vec![&span.scope_attributes],
        Some(AttributeScope::Intrinsic) => return intrinsic(span, &c.name).iter().any(|v| meets(v, c)),
    };
    lists.into_iter().flatten().any(|(k, v)| *k == c.name && meets(v, c))
}

impl SpanReader for Memory {
    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StorageError> {
        Ok(self.traces.iter().find(|t| t.trace_id == id).cloned())
    }

    fn scan(
        &self,
        range: TimeRange,
        _: Option<&str>,
        visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let inside = |s: &Span| s.start_ns >= range.start_ns() && s.start_ns < range.end_ns();
        for trace in self.traces.iter().rev().filter(|t| t.spans.iter().any(inside)) {
            if visit(trace).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn scan_matching(
        &self,
        range: TimeRange,
        patterns: &[SpanPattern],
        visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let wanted = |t: &Trace| patterns.iter().all(|p| t.spans.iter().any(|s| p.iter().all(|c| met(s, c))));
        self.scan(range, None, &mut |trace| {
            if !self.skips || wanted(trace) { visit(trace) } else { ControlFlow::Continue(()) }
        })
    }

    fn tag_names(&self, _: TimeRange) -> Result<Vec<(AttributeScope, String)>, StorageError> {
        let keys = self.traces.iter().flat_map(|t| &t.spans).flat_map(|s| &s.attributes);
        let mut names: Vec<_> = keys.map(|(k, _)| (AttributeScope::Span, k.clone())).collect();
        names.sort_by(|a, b| a.1.cmp(&b.1));
        names.dedup();
        Ok(names)
    }

    fn tag_values(
        &self,
        _: Option<AttributeScope>,
        _: &str,
        _: TimeRange,
        _: usize,
    ) -> Result<Vec<String>, StorageError> {
        Ok(vec![])
    }
}
