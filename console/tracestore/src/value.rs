//! Attribute values whose text is borrowed, and a span made of them.

use std::sync::Arc;

use console_model::span::{
    AttributeValue, Attributes, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, TraceId,
};

#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Str(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    /// Bytes, arrays and maps.
    Other(AttributeValue),
}

impl Value<'_> {
    pub fn to_owned(&self) -> AttributeValue {
        match self {
            Self::Str(s) => AttributeValue::String((*s).to_owned()),
            Self::Bool(b) => AttributeValue::Bool(*b),
            Self::Int(i) => AttributeValue::Int(*i),
            Self::Double(d) => AttributeValue::Double(*d),
            Self::Other(v) => v.clone(),
        }
    }
}

impl<'a> From<&'a AttributeValue> for Value<'a> {
    fn from(value: &'a AttributeValue) -> Self {
        match value {
            AttributeValue::String(s) => Self::Str(s),
            AttributeValue::Bool(b) => Self::Bool(*b),
            AttributeValue::Int(i) => Self::Int(*i),
            AttributeValue::Double(d) => Self::Double(*d),
            other => Self::Other(other.clone()),
        }
    }
}

/// An instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    pub name: String,
    pub version: String,
    pub attributes: Attributes,
}

/// A span with borrowed text. Resources and scopes are shared by many spans: the same pointer is the same content.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent: Option<SpanId>,
    pub kind: SpanKind,
    pub status: SpanStatus,
    pub start_ns: i64,
    pub duration_ns: i64,
    pub service: &'a str,
    pub name: &'a str,
    pub status_message: &'a str,
    pub resource: &'a Arc<Attributes>,
    pub scope: &'a Arc<Scope>,
    pub attributes: Vec<(&'a str, Value<'a>)>,
    pub events: Vec<SpanEvent>,
    pub links: Vec<SpanLink>,
}

impl Row<'_> {
    pub fn into_span(self) -> Span {
        Span {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_span_id: self.parent,
            service: self.service.to_owned(),
            name: self.name.to_owned(),
            kind: self.kind,
            start_ns: self.start_ns,
            duration_ns: self.duration_ns,
            status: self.status,
            status_message: self.status_message.to_owned(),
            attributes: self.attributes.iter().map(|(k, v)| ((*k).to_owned(), v.to_owned())).collect(),
            resource: self.resource.as_ref().clone(),
            scope_name: self.scope.name.clone(),
            scope_version: self.scope.version.clone(),
            scope_attributes: self.scope.attributes.clone(),
            events: self.events,
            links: self.links,
        }
    }
}

const KINDS: [SpanKind; 6] = [
    SpanKind::Unspecified,
    SpanKind::Internal,
    SpanKind::Server,
    SpanKind::Client,
    SpanKind::Producer,
    SpanKind::Consumer,
];
const STATUSES: [SpanStatus; 3] = [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error];

/// The number of a kind on disk.
pub fn kind_code(kind: SpanKind) -> u8 {
    KINDS.iter().position(|k| *k == kind).unwrap_or(0) as u8
}

pub fn status_code(status: SpanStatus) -> u8 {
    STATUSES.iter().position(|s| *s == status).unwrap_or(0) as u8
}

pub fn kind_of(code: u8) -> Option<SpanKind> {
    KINDS.get(usize::from(code)).copied()
}

pub fn status_of(code: u8) -> Option<SpanStatus> {
    STATUSES.get(usize::from(code)).copied()
}

/// The lower-case word of a kind's number.
pub fn kind_word(code: u8) -> &'static str {
    kind_of(code).unwrap_or_default().word()
}

pub fn status_word(code: u8) -> &'static str {
    status_of(code).unwrap_or_default().word()
}
