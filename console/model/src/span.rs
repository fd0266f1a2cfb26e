//! Spans and traces, after OpenTelemetry's trace data model.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// 16 bytes; written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TraceId(pub [u8; 16]);

/// 8 bytes; written as 16 hex digits. All zero: none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SpanId(pub [u8; 8]);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be 1 to {digits} hex digits, got {got:?}")]
pub struct ParseIdError {
    kind: &'static str,
    digits: usize,
    got: String,
}

macro_rules! hex_id {
    ($ty:ident, $len:expr, $kind:expr) => {
        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }
        impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
        /// Shorter ids are padded with zeros on the left, as Tempo does.
        impl FromStr for $ty {
            type Err = ParseIdError;
            fn from_str(s: &str) -> Result<Self, ParseIdError> {
                let bad =
                    || ParseIdError { kind: $kind, digits: $len * 2, got: s.chars().take(64).collect() };
                if s.is_empty() || s.len() > $len * 2 || !s.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(bad());
                }
                let padded = format!("{s:0>width$}", width = $len * 2);
                let mut out = [0u8; $len];
                for (i, byte) in out.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&padded[i * 2..i * 2 + 2], 16).map_err(|_| bad())?;
                }
                Ok(Self(out))
            }
        }
        impl $ty {
            /// All zero bytes: "no id".
            pub fn is_zero(&self) -> bool {
                self.0.iter().all(|b| *b == 0)
            }
        }
        impl Serialize for $ty {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $ty {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
hex_id!(TraceId, 16, "trace id");
hex_id!(SpanId, 8, "span id");

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    #[default]
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanStatus {
    #[default]
    Unset,
    Ok,
    Error,
}

impl SpanKind {
    /// The word of TraceQL.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// The name of OTLP's protobuf.
    pub fn otlp_name(self) -> &'static str {
        match self {
            Self::Unspecified => "SPAN_KIND_UNSPECIFIED",
            Self::Internal => "SPAN_KIND_INTERNAL",
            Self::Server => "SPAN_KIND_SERVER",
            Self::Client => "SPAN_KIND_CLIENT",
            Self::Producer => "SPAN_KIND_PRODUCER",
            Self::Consumer => "SPAN_KIND_CONSUMER",
        }
    }
}

impl SpanStatus {
    /// The word of TraceQL.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }

    /// The name of OTLP's protobuf.
    pub fn otlp_name(self) -> &'static str {
        match self {
            Self::Unset => "STATUS_CODE_UNSET",
            Self::Ok => "STATUS_CODE_OK",
            Self::Error => "STATUS_CODE_ERROR",
        }
    }
}

/// An attribute's value (OTLP `AnyValue`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    String(String),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Vec<u8>),
    Array(Vec<AttributeValue>),
    Map(Vec<(String, AttributeValue)>),
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(s) => f.write_str(s),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Double(d) => write!(f, "{d}"),
            Self::Bytes(b) => b.iter().try_for_each(|x| write!(f, "{x:02x}")),
            Self::Array(a) => f.debug_list().entries(a.iter().map(Item)).finish(),
            Self::Map(m) => f.debug_map().entries(m.iter().map(|(k, v)| (k, Item(v)))).finish(),
        }
    }
}

/// A value inside of another: texts in quotes. What is nested is not quoted as a whole, or it would double in length at each
/// level.
struct Item<'a>(&'a AttributeValue);

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            AttributeValue::Array(_) | AttributeValue::Map(_) => write!(f, "{}", self.0),
            scalar => write!(f, "{:?}", scalar.to_string()),
        }
    }
}

pub type Attributes = Vec<(String, AttributeValue)>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanEvent {
    pub t_ns: i64,
    pub name: String,
    pub attributes: Attributes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanLink {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub attributes: Attributes,
}

/// One span with its resource and scope folded in. `service` repeats the resource's `service.name`
/// (or `unknown_service`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_span_id: Option<SpanId>,
    pub service: String,
    pub name: String,
    pub kind: SpanKind,
    /// Nanoseconds since the Unix epoch.
    pub start_ns: i64,
    pub duration_ns: i64,
    pub status: SpanStatus,
    pub status_message: String,
    pub attributes: Attributes,
    pub resource: Attributes,
    pub scope_name: String,
    pub scope_version: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope_attributes: Attributes,
    pub events: Vec<SpanEvent>,
    pub links: Vec<SpanLink>,
}

impl Span {
    pub fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(self.duration_ns)
    }

    /// A span attribute by its exact key.
    pub fn attribute(&self, key: &str) -> Option<&AttributeValue> {
        self.attributes.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// A resource attribute by its exact key.
    pub fn resource_attribute(&self, key: &str) -> Option<&AttributeValue> {
        self.resource.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }
}

/// All stored spans of one trace, in order of start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    pub trace_id: TraceId,
    pub spans: Vec<Span>,
}

/// A search hit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceSummary {
    pub trace_id: TraceId,
    /// Empty while the root span has not arrived.
    pub root_service: String,
    pub root_name: String,
    pub start_ns: i64,
    pub duration_ns: i64,
    pub span_count: u32,
    pub error_count: u32,
    /// Services seen in the trace, with their span counts.
    pub services: Vec<(String, u32)>,
    /// The first spans that matched the query, as many as were asked for (three, unless said otherwise).
    pub matched: Vec<Span>,
    pub matched_count: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_nested_deeply_is_written_in_proportion_to_its_depth() {
        let mut value = AttributeValue::String("x".to_owned());
        for depth in 0..100 {
            value = match depth % 2 {
                0 => AttributeValue::Array(vec![value]),
                _ => AttributeValue::Map(vec![("k".to_owned(), value)]),
            };
        }
        assert!(value.to_string().len() < 1000);
        let flat =
            AttributeValue::Array(vec![AttributeValue::Int(1), AttributeValue::String("a".to_owned())]);
        assert_eq!(flat.to_string(), r#"["1", "a"]"#);
    }
}
