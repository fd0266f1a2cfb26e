//! A trace in OTLP: spans grouped by resource, then by scope. As protobuf's JSON (ids in base64, 64-bit numbers as text)
//! and as protobuf.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use console_model::span::{AttributeValue, Attributes, Span, Trace};
use serde_json::{Map, Value, json};

/// What a library recorded: name, version and attributes of a scope.
pub type Scope<'a> = (&'a str, &'a str, &'a Attributes);

/// Spans of one resource by scope, in order of first appearance.
pub type Grouped<'a> = Vec<(&'a Attributes, Vec<(Scope<'a>, Vec<&'a Span>)>)>;

pub fn grouped(trace: &Trace) -> Grouped<'_> {
    let mut groups: Grouped<'_> = Vec::new();
    for span in &trace.spans {
        let at = groups.iter().position(|(resource, _)| *resource == &span.resource).unwrap_or_else(|| {
            groups.push((&span.resource, Vec::new()));
            groups.len() - 1
        });
        let scope = (span.scope_name.as_str(), span.scope_version.as_str(), &span.scope_attributes);
        let scopes = &mut groups[at].1;
        let in_scope = scopes.iter().position(|(s, _)| *s == scope).unwrap_or_else(|| {
            scopes.push((scope, Vec::new()));
            scopes.len() - 1
        });
        scopes[in_scope].1.push(span);
    }
    groups
}

/// `ResourceSpans` of a trace as JSON.
pub fn resource_spans(trace: &Trace) -> Vec<Value> {
    let of_scope = |((name, version, own), spans): (Scope<'_>, Vec<&Span>)| {
        let mut scope = json!({"name": name, "version": version});
        if !own.is_empty() {
            scope["attributes"] = attributes(own);
        }
        json!({"scope": scope, "spans": spans.into_iter().map(one).collect::<Vec<_>>()})
    };
    grouped(trace)
        .into_iter()
        .map(|(resource, scopes)| {
            let scopes: Vec<Value> = scopes.into_iter().map(of_scope).collect();
            json!({"resource": {"attributes": attributes(resource)}, "scopeSpans": scopes})
        })
        .collect()
}

fn one(span: &Span) -> Value {
    let mut out = Map::new();
    out.insert("traceId".into(), STANDARD.encode(span.trace_id.0).into());
    out.insert("spanId".into(), STANDARD.encode(span.span_id.0).into());
    if let Some(parent) = span.parent_span_id {
        out.insert("parentSpanId".into(), STANDARD.encode(parent.0).into());
    }
    out.insert("name".into(), span.name.clone().into());
    out.insert("kind".into(), span.kind.otlp_name().into());
    out.insert("startTimeUnixNano".into(), span.start_ns.to_string().into());
    out.insert("endTimeUnixNano".into(), span.end_ns().to_string().into());
    out.insert("attributes".into(), attributes(&span.attributes));
    let events = span.events.iter().map(|e| {
        json!({"timeUnixNano": e.t_ns.to_string(), "name": e.name, "attributes": attributes(&e.attributes)})
    });
    out.insert("events".into(), events.collect());
    let links = span.links.iter().map(|l| {
        let (trace, span) = (STANDARD.encode(l.trace_id.0), STANDARD.encode(l.span_id.0));
        json!({"traceId": trace, "spanId": span, "attributes": attributes(&l.attributes)})
    });
    out.insert("links".into(), links.collect());
    out.insert("status".into(), json!({"code": span.status.otlp_name(), "message": span.status_message}));
    Value::Object(out)
}

/// OTLP's list of key and `AnyValue`.
pub fn attributes(all: &Attributes) -> Value {
    all.iter().map(|(key, value)| json!({"key": key, "value": any_value(value)})).collect()
}

/// OTLP's `AnyValue`.
pub fn any_value(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::String(s) => json!({"stringValue": s}),
        AttributeValue::Bool(b) => json!({"boolValue": b}),
        AttributeValue::Int(i) => json!({"intValue": i.to_string()}),
        AttributeValue::Double(d) => json!({"doubleValue": d}),
        AttributeValue::Bytes(b) => json!({"bytesValue": STANDARD.encode(b)}),
        AttributeValue::Array(items) => {
            json!({"arrayValue": {"values": items.iter().map(any_value).collect::<Vec<_>>()}})
        }
        AttributeValue::Map(entries) => json!({"kvlistValue": {"values": attributes(entries)}}),
    }
}
