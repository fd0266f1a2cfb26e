//! Traces port of an embedded store.

use std::ops::ControlFlow;

use console_model::{
    TimeRange,
    span::{AttributeValue, Span, Trace, TraceId},
};

use crate::{AppendError, StorageError, metrics::AppendOutcome};

/// Where an attribute lives, as TraceQL names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeScope {
    Span,
    Resource,
    Event,
    Link,
    Instrumentation,
    /// `name`, `status`, `duration`, `kind`, `rootName`, ...
    Intrinsic,
}

/// Intrinsics that are offered as names, in order.
pub const INTRINSICS: [&str; 14] = [
    "duration",
    "event:name",
    "instrumentation:name",
    "instrumentation:version",
    "kind",
    "name",
    "rootName",
    "rootServiceName",
    "span:id",
    "span:parentID",
    "status",
    "statusMessage",
    "trace:id",
    "traceDuration",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionOp {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The attribute is there, whatever its value.
    Exists,
}

/// One thing that a wanted span has. Intrinsics by their TraceQL names; times and durations in nanoseconds as `Int`; `status`
/// and `kind` as the lower-case words of [`SpanStatus`](console_model::span::SpanStatus) and
/// [`SpanKind`](console_model::span::SpanKind).
#[derive(Clone, Debug, PartialEq)]
pub struct SpanCondition {
    /// Absent: of the span or of its resource.
    pub scope: Option<AttributeScope>,
    pub name: String,
    pub op: ConditionOp,
    /// Absent only with `Exists`.
    pub value: Option<AttributeValue>,
}

/// Conditions that hold for one span together.
pub type SpanPattern = Vec<SpanCondition>;

/// Reads spans.
pub trait SpanReader: Send + Sync {
    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StorageError>;

    /// Visits traces with a span that starts in the range, newest first, until the visitor breaks. `service` is a hint
    /// (an equality on `resource.service.name` that every wanted trace has in some span): a store may use it to skip.
    fn scan(
        &self,
        range: TimeRange,
        service: Option<&str>,
        visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), StorageError>;

    /// As [`SpanReader::scan`]. Every wanted trace has for each of `patterns` a span that meets all its conditions: a store may
    /// use that to skip, and may visit more. A trace that is visited is whole.
    fn scan_matching(
        &self,
        range: TimeRange,
        patterns: &[SpanPattern],
        visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let service = patterns.iter().flatten().find_map(|c| match (&c.value, c.op, c.scope) {
            (Some(AttributeValue::String(s)), ConditionOp::Equal, Some(AttributeScope::Resource))
                if c.name == "service.name" =>
            {
                Some(s.as_str())
            }
            _ => None,
        });
        self.scan(range, service, visit)
    }

    /// Attribute keys seen in the range, ordered.
    fn tag_names(&self, range: TimeRange) -> Result<Vec<(AttributeScope, String)>, StorageError>;

    /// Values of a key, ordered, at most `limit`. `scope` absent: both of span and resource.
    fn tag_values(
        &self,
        scope: Option<AttributeScope>,
        name: &str,
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StorageError>;
}

/// Writes spans. When a call returns `Ok`, what it accepted survives `kill -9`. A span that comes twice is stored once.
pub trait SpanAppender: Send + Sync {
    fn append(&self, spans: Vec<Span>) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        self.append_telling(spans, &mut |_| {})
    }

    /// As [`SpanAppender::append`]; tells the place in `spans` of each that was not stored, in no order. Nothing where all
    /// were, or an error says that none was.
    fn append_telling(
        &self,
        spans: Vec<Span>,
        refused: &mut dyn FnMut(usize),
    ) -> Result<(AppendOutcome, Option<AppendError>), AppendError>;
}
