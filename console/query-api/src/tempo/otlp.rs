//! A trace in OTLP: spans grouped by resource, then by scope. As protobuf's JSON (ids in base64, 64-bit numbers as text)
//! and as protobuf.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use console_model::span::{AttributeValue, Attributes, Span, SpanEvent, SpanLink, Trace};
use serde::Serialize;

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

/// Spans of one resource.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: Vec<ScopeSpans<'a>>,
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: InstrumentationScope<'a>,
    spans: Vec<OneSpan<'a>>,
}

#[derive(Serialize)]
struct InstrumentationScope<'a> {
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneSpan<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    name: &'a str,
    kind: &'static str,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<KeyValue<'a>>,
    events: Vec<Event<'a>>,
    links: Vec<Link<'a>>,
    status: Status<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    time_unix_nano: String,
    name: &'a str,
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link<'a> {
    trace_id: String,
    span_id: String,
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
struct Status<'a> {
    code: &'static str,
    message: &'a str,
}

/// An attribute.
#[derive(Serialize)]
pub struct KeyValue<'a> {
    pub key: &'a str,
    pub value: AnyValue<'a>,
}

/// OTLP's `AnyValue`: `{"stringValue":"…"}`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::enum_variant_names, reason = "the protocol's names")]
pub enum AnyValue<'a> {
    StringValue(&'a str),
    BoolValue(bool),
    /// 64-bit numbers are text in protobuf's JSON.
    IntValue(String),
    DoubleValue(f64),
    BytesValue(String),
    ArrayValue {
        values: Vec<AnyValue<'a>>,
    },
    KvlistValue {
        values: Vec<KeyValue<'a>>,
    },
}

/// `ResourceSpans` of a trace.
pub fn resource_spans(trace: &Trace) -> Vec<ResourceSpans<'_>> {
    grouped(trace)
        .into_iter()
        .map(|(resource, scopes)| ResourceSpans {
            resource: Resource { attributes: attributes(resource) },
            scope_spans: scopes.into_iter().map(of_scope).collect(),
        })
        .collect()
}

fn of_scope<'a>(((name, version, own), spans): (Scope<'a>, Vec<&'a Span>)) -> ScopeSpans<'a> {
    ScopeSpans {
        scope: InstrumentationScope { name, version, attributes: attributes(own) },
        spans: spans.into_iter().map(one).collect(),
    }
}

fn one(span: &Span) -> OneSpan<'_> {
    OneSpan {
        trace_id: STANDARD.encode(span.trace_id.0),
        span_id: STANDARD.encode(span.span_id.0),
        parent_span_id: span.parent_span_id.map(|parent| STANDARD.encode(parent.0)),
        name: &span.name,
        kind: span.kind.otlp_name(),
        start_time_unix_nano: span.start_ns.to_string(),
        end_time_unix_nano: span.end_ns().to_string(),
        attributes: attributes(&span.attributes),
        events: span.events.iter().map(event).collect(),
        links: span.links.iter().map(link).collect(),
        status: Status { code: span.status.otlp_name(), message: &span.status_message },
    }
}

fn event(event: &SpanEvent) -> Event<'_> {
    Event {
        time_unix_nano: event.t_ns.to_string(),
        name: &event.name,
        attributes: attributes(&event.attributes),
    }
}

fn link(link: &SpanLink) -> Link<'_> {
    Link {
        trace_id: STANDARD.encode(link.trace_id.0),
        span_id: STANDARD.encode(link.span_id.0),
        attributes: attributes(&link.attributes),
    }
}

/// OTLP's list of key and `AnyValue`.
pub fn attributes(all: &[(String, AttributeValue)]) -> Vec<KeyValue<'_>> {
    all.iter().map(|(key, value)| KeyValue { key, value: any_value(value) }).collect()
}

fn any_value(value: &AttributeValue) -> AnyValue<'_> {
    match value {
        AttributeValue::String(s) => AnyValue::StringValue(s),
        AttributeValue::Bool(b) => AnyValue::BoolValue(*b),
        AttributeValue::Int(i) => AnyValue::IntValue(i.to_string()),
        AttributeValue::Double(d) => AnyValue::DoubleValue(*d),
        AttributeValue::Bytes(b) => AnyValue::BytesValue(STANDARD.encode(b)),
        AttributeValue::Array(items) => {
            AnyValue::ArrayValue { values: items.iter().map(any_value).collect() }
        }
        AttributeValue::Map(entries) => AnyValue::KvlistValue { values: attributes(entries) },
    }
}
