//! Names and values of attributes, of all spans or of those that match a query.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use console_model::{
    TimeRange,
    span::{AttributeValue, Attributes, Span},
};
use console_storage::{
    SourceError,
    trace_query::{Tag, TagQuery},
    traces::{AttributeScope, INTRINSICS, SpanReader},
};

use crate::{
    ast::*,
    budget::Budget,
    context::Context,
    error::Error,
    eval::attribute,
    lenient,
    parser::attribute::{plain_intrinsic, scoped_intrinsic},
    search::{Selection, each_trace},
    value::Value,
};

/// Traces that a list of names or values is drawn from.
const MAX_TRACES: u64 = 5000;

/// By scope, each in order.
pub fn names(
    reader: &dyn SpanReader,
    budget: &mut Budget,
    tags: &TagQuery,
) -> Result<Vec<(AttributeScope, String)>, SourceError> {
    let Some(query) = tags.matching.as_deref().and_then(lenient::understood) else {
        return Ok(reader.tag_names(tags.range)?);
    };
    let mut scopes: [(AttributeScope, BTreeSet<String>); 5] = [
        (AttributeScope::Resource, BTreeSet::new()),
        (AttributeScope::Span, BTreeSet::new()),
        (AttributeScope::Event, BTreeSet::new()),
        (AttributeScope::Link, BTreeSet::new()),
        (AttributeScope::Instrumentation, BTreeSet::new()),
    ];
    each_span(reader, budget, tags.range, &query.body, &mut |at, i| {
        for (scope, names) in &mut scopes {
            for (name, _) in lists(&at.trace.spans[i], *scope).into_iter().flatten() {
                if !names.contains(name) && names.len() < tags.limit {
                    names.insert(name.clone());
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    let intrinsics = INTRINSICS.iter().map(|n| (AttributeScope::Intrinsic, (*n).to_owned()));
    let named = scopes.into_iter().flat_map(|(scope, names)| names.into_iter().map(move |n| (scope, n)));
    Ok(intrinsics.chain(named).collect())
}

fn lists(span: &Span, scope: AttributeScope) -> Vec<&Attributes> {
    match scope {
        AttributeScope::Span => vec![&span.attributes],
        AttributeScope::Resource => vec![&span.resource],
        AttributeScope::Event => span.events.iter().map(|e| &e.attributes).collect(),
        AttributeScope::Link => span.links.iter().map(|l| &l.attributes).collect(),
        AttributeScope::Instrumentation => vec![&span.scope_attributes],
        AttributeScope::Intrinsic => Vec::new(),
    }
}

/// In order of their texts. Durations are too many to list: they have no values.
pub fn values(
    reader: &dyn SpanReader,
    budget: &mut Budget,
    tag: &Tag,
    tags: &TagQuery,
) -> Result<Vec<AttributeValue>, SourceError> {
    let wanted = attribute_of(tag)?;
    let query = tags.matching.as_deref().and_then(lenient::understood);
    let all = vec![Stage::Spansets(Spanset::Filter(None))];
    let body = query.as_ref().map_or_else(|| Body::Spans(all), |q| q.body.clone());
    let mut found: BTreeMap<String, AttributeValue> = BTreeMap::new();
    each_span(reader, budget, tags.range, &body, &mut |at, i| {
        collect(&attribute(at, &wanted, i), &mut found);
        if found.len() >= tags.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if query.is_none() {
        // The store may know values of more traces than were looked at, by their texts.
        for text in reader.tag_values(tag.scope, &tag.name, tags.range, tags.limit)? {
            if !found.contains_key(&text) {
                let value = typed(&text, &found);
                found.insert(text, value);
            }
        }
    }
    Ok(found.into_values().take(tags.limit).collect())
}

fn collect(value: &Value<'_>, into: &mut BTreeMap<String, AttributeValue>) {
    let typed = match value {
        Value::Nil | Value::Duration(_) => return,
        Value::Array(items) | Value::Each(items) => return items.iter().for_each(|i| collect(i, into)),
        Value::Bool(b) => AttributeValue::Bool(*b),
        Value::Int(i) => AttributeValue::Int(*i),
        Value::Float(f) => AttributeValue::Double(*f),
        Value::String(s) if s.is_empty() => return,
        Value::String(_) | Value::Status(_) | Value::Kind(_) => AttributeValue::String(value.text()),
    };
    into.insert(value.text(), typed);
}

/// A text as a type that other values of the tag have.
fn typed(text: &str, others: &BTreeMap<String, AttributeValue>) -> AttributeValue {
    let has = |like: fn(&AttributeValue) -> bool| others.values().any(like);
    if let Ok(i) = text.parse()
        && has(|v| matches!(v, AttributeValue::Int(_)))
    {
        return AttributeValue::Int(i);
    }
    if let Ok(f) = text.parse()
        && has(|v| matches!(v, AttributeValue::Double(_)))
    {
        return AttributeValue::Double(f);
    }
    match text.parse() {
        Ok(b) if has(|v| matches!(v, AttributeValue::Bool(_))) => AttributeValue::Bool(b),
        _ => AttributeValue::String(text.to_owned()),
    }
}

fn attribute_of(tag: &Tag) -> Result<Attribute, Error> {
    let name = tag.name.clone();
    let scope = match tag.scope {
        None => Scope::Any,
        Some(AttributeScope::Span) => Scope::Span,
        Some(AttributeScope::Resource) => Scope::Resource,
        Some(AttributeScope::Event) => Scope::Event,
        Some(AttributeScope::Link) => Scope::Link,
        Some(AttributeScope::Instrumentation) => Scope::Instrumentation,
        Some(AttributeScope::Intrinsic) => {
            let known = match name.split_once(':') {
                Some((scope, name)) => scoped_intrinsic(scope, name),
                None => plain_intrinsic(&name),
            };
            return known
                .map(Attribute::Intrinsic)
                .ok_or_else(|| Error::Invalid(format!("{name:?} is no intrinsic")));
        }
    };
    Ok(Attribute::Named { scope, name })
}

/// Matching spans of the newest traces.
fn each_span(
    reader: &dyn SpanReader,
    budget: &mut Budget,
    range: TimeRange,
    body: &Body,
    visit: &mut dyn FnMut(&Context<'_>, usize) -> ControlFlow<()>,
) -> Result<(), SourceError> {
    let selection = Selection::new(body)?;
    let mut left = MAX_TRACES;
    each_trace(reader, budget, range, body, &mut |trace| {
        let context = Context::new(trace);
        left -= 1;
        for i in selection.run(&context) {
            if visit(&context, i).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })
}
