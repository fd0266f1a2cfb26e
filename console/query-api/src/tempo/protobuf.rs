//! A trace as protobuf, as Grafana asks for it.

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use console_model::span::{AttributeValue, Attributes, Span, SpanKind, SpanStatus, Trace};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span as SpanMessage, Status, TracesData, span},
};
use prost::Message;

use super::otlp::{Scope, grouped};

const PROTOBUF: &str = "application/protobuf";

/// Tempo's `TraceByIDResponse`, of which only the trace is told.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TraceByIdResponse {
    #[prost(message, optional, tag = "1")]
    pub trace: Option<TracesData>,
}

/// Whether the reader wants protobuf.
pub fn wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    accept.flat_map(|v| v.split(',')).any(|v| {
        let kind = v.split(';').next().unwrap_or_default().trim();
        kind == PROTOBUF || kind == "application/x-protobuf"
    })
}

pub fn answer(message: &impl Message) -> Response {
    ([(header::CONTENT_TYPE, PROTOBUF)], message.encode_to_vec()).into_response()
}

/// Tempo's `Trace`: the same message as OTLP's `TracesData`.
pub fn trace(trace: &Trace) -> TracesData {
    let resource_spans = grouped(trace)
        .into_iter()
        .map(|(resource, scopes)| ResourceSpans {
            resource: Some(Resource { attributes: attributes(resource), ..Resource::default() }),
            scope_spans: scopes.into_iter().map(of_scope).collect(),
            ..ResourceSpans::default()
        })
        .collect();
    TracesData { resource_spans }
}

fn of_scope(((name, version, own), spans): (Scope<'_>, Vec<&Span>)) -> ScopeSpans {
    let scope = InstrumentationScope {
        name: name.to_owned(),
        version: version.to_owned(),
        attributes: attributes(own),
        ..InstrumentationScope::default()
    };
    ScopeSpans { scope: Some(scope), spans: spans.into_iter().map(one).collect(), ..ScopeSpans::default() }
}

fn time(ns: i64) -> u64 {
    u64::try_from(ns).unwrap_or(0)
}

fn one(s: &Span) -> SpanMessage {
    let kind = match s.kind {
        SpanKind::Unspecified => span::SpanKind::Unspecified,
        SpanKind::Internal => span::SpanKind::Internal,
        SpanKind::Server => span::SpanKind::Server,
        SpanKind::Client => span::SpanKind::Client,
        SpanKind::Producer => span::SpanKind::Producer,
        SpanKind::Consumer => span::SpanKind::Consumer,
    };
    let code = match s.status {
        SpanStatus::Unset => 0,
        SpanStatus::Ok => 1,
        SpanStatus::Error => 2,
    };
    let events = s.events.iter().map(|e| span::Event {
        time_unix_nano: time(e.t_ns),
        name: e.name.clone(),
        attributes: attributes(&e.attributes),
        ..span::Event::default()
    });
    let links = s.links.iter().map(|l| span::Link {
        trace_id: l.trace_id.0.to_vec(),
        span_id: l.span_id.0.to_vec(),
        attributes: attributes(&l.attributes),
        ..span::Link::default()
    });
    SpanMessage {
        trace_id: s.trace_id.0.to_vec(),
        span_id: s.span_id.0.to_vec(),
        parent_span_id: s.parent_span_id.map(|p| p.0.to_vec()).unwrap_or_default(),
        name: s.name.clone(),
        kind: kind as i32,
        start_time_unix_nano: time(s.start_ns),
        end_time_unix_nano: time(s.end_ns()),
        attributes: attributes(&s.attributes),
        events: events.collect(),
        links: links.collect(),
        status: Some(Status { message: s.status_message.clone(), code }),
        ..SpanMessage::default()
    }
}

fn attributes(all: &Attributes) -> Vec<KeyValue> {
    let pair = |(key, value): &(String, AttributeValue)| KeyValue {
        key: key.clone(),
        value: Some(any_value(value)),
        ..KeyValue::default()
    };
    all.iter().map(pair).collect()
}

fn any_value(value: &AttributeValue) -> AnyValue {
    let value = match value {
        AttributeValue::String(s) => any_value::Value::StringValue(s.clone()),
        AttributeValue::Bool(b) => any_value::Value::BoolValue(*b),
        AttributeValue::Int(i) => any_value::Value::IntValue(*i),
        AttributeValue::Double(d) => any_value::Value::DoubleValue(*d),
        AttributeValue::Bytes(b) => any_value::Value::BytesValue(b.clone()),
        AttributeValue::Array(items) => {
            any_value::Value::ArrayValue(ArrayValue { values: items.iter().map(self::any_value).collect() })
        }
        AttributeValue::Map(entries) => {
            any_value::Value::KvlistValue(KeyValueList { values: attributes(entries) })
        }
    };
    AnyValue { value: Some(value) }
}
