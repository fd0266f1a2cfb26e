//! Traces port of an embedded store.

use std::ops::ControlFlow;

use console_model::{
    TimeRange,
    span::{Span, Trace, TraceId},
};

use crate::{AppendError, StorageError, metrics::AppendOutcome};

/// Where an attribute lives, as TraceQL names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeScope {
    Span,
    Resource,
    /// `name`, `status`, `duration`, `kind`, `rootName`, ...
    Intrinsic,
}

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
    fn append(&self, spans: Vec<Span>) -> Result<(AppendOutcome, Option<AppendError>), AppendError>;
}
