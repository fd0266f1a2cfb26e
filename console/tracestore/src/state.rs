//! What readers see at one moment: the head and the list of parts.

use std::sync::Arc;

use console_blockkit::part::PartError;
use console_model::span::{Span, Trace, TraceId};
use console_storage::StorageError;

use crate::{
    head::{Entry, Head},
    part::{OpenPart, Piece},
    value::Row,
};

pub type Parts = Arc<Vec<Arc<OpenPart>>>;

#[derive(Default)]
pub struct State {
    pub head: Head,
    pub parts: Parts,
    /// Rises with every change of the list of parts.
    pub generation: u64,
}

impl State {
    pub fn set_parts(&mut self, parts: Vec<Arc<OpenPart>>) {
        self.parts = Arc::new(parts);
        self.generation += 1;
    }
}

/// What a part answers; nothing where it is damaged: it is left out from now on.
pub fn tolerate<T>(part: &OpenPart, answer: Result<T, PartError>) -> Result<Option<T>, StorageError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if part.part.note(&error) => Ok(None),
        Err(error) => Err(StorageError::Storage(error.to_string())),
    }
}

/// What parts have of a trace. One that cannot be read has nothing.
pub fn piece_of(parts: &[Arc<OpenPart>], id: TraceId) -> Option<Piece> {
    let mut out: Option<Piece> = None;
    for part in parts.iter().filter(|p| p.may_have(id)) {
        match part.piece(id) {
            Ok(Some(piece)) => out = Some(out.map_or(piece, |o| o.join(piece))),
            Ok(None) => {}
            Err(error) => {
                if !part.part.note(&error) {
                    tracing::warn!(part = part.part.sequence, %error, "part of spans cannot be read");
                }
            }
        }
    }
    out
}

/// The whole trace: what memory has of it, and what parts have.
pub fn whole_trace(
    parts: &[Arc<OpenPart>],
    entries: &[Entry],
    id: TraceId,
) -> Result<Option<Trace>, StorageError> {
    let mut spans = Vec::with_capacity(entries.len());
    for entry in entries {
        spans.push(entry.span().map_err(|e| StorageError::Storage(e.to_string()))?);
    }
    for part in parts {
        spans.extend(tolerate(part, spans_in(part, id))?.into_iter().flatten());
    }
    Ok(in_order(id, spans))
}

/// A trace of spans that may repeat; nothing without a span.
pub fn in_order(trace_id: TraceId, mut spans: Vec<Span>) -> Option<Trace> {
    spans.sort_by_key(|s| (s.start_ns, s.span_id));
    spans.dedup_by_key(|s| (s.start_ns, s.span_id));
    (!spans.is_empty()).then_some(Trace { trace_id, spans })
}

fn spans_in(part: &OpenPart, id: TraceId) -> Result<Vec<Span>, PartError> {
    let mut out = Vec::new();
    for (group, at) in part.find(id)? {
        out.extend(part.full(group)?.rows(at)?.into_iter().map(Row::into_span));
    }
    Ok(out)
}
