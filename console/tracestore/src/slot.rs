//! One trace in memory: encoded chunks and the few facts that searches skip by.

use std::sync::Arc;

use console_blockkit::{SegmentId, record::RecordError};
use console_model::{
    TimeRange,
    span::{Span, SpanId, Trace, TraceId},
};

use crate::codec;

/// Above this many chunks, they are merged into one.
const MAX_CHUNKS: usize = 8;
/// What a slot costs beside its chunks and ids (map entries, vectors).
const OVERHEAD: u64 = 320;

#[derive(Clone, Debug)]
pub struct Slot {
    /// Sorted.
    ids: Vec<SpanId>,
    chunks: Vec<Arc<[u8]>>,
    /// Distinct services, in order of arrival.
    pub services: Vec<Arc<str>>,
    pub first_start_ns: i64,
    pub last_start_ns: i64,
    /// The newest segment that holds a span of this trace.
    pub last_segment: SegmentId,
}

impl Slot {
    pub fn new(segment: SegmentId) -> Self {
        Self {
            ids: Vec::new(),
            chunks: Vec::new(),
            services: Vec::new(),
            first_start_ns: i64::MAX,
            last_start_ns: i64::MIN,
            last_segment: segment,
        }
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn contains(&self, id: SpanId) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    pub fn bytes(&self) -> u64 {
        OVERHEAD + self.ids.len() as u64 * 8 + self.chunks.iter().map(|c| c.len() as u64 + 32).sum::<u64>()
    }

    /// Adds spans that [`Self::contains`] denied, distinct among themselves.
    pub fn add(&mut self, spans: &[&Span], segment: SegmentId, intern: &mut dyn FnMut(&str) -> Arc<str>) {
        for span in spans {
            if let Err(at) = self.ids.binary_search(&span.span_id) {
                self.ids.insert(at, span.span_id);
            }
            self.first_start_ns = self.first_start_ns.min(span.start_ns);
            self.last_start_ns = self.last_start_ns.max(span.start_ns);
            if !self.services.iter().any(|s| **s == *span.service) {
                self.services.push(intern(&span.service));
            }
        }
        self.chunks.push(codec::encode(spans.iter().copied()).into());
        self.last_segment = self.last_segment.max(segment);
        if self.chunks.len() > MAX_CHUNKS {
            self.merge();
        }
    }

    fn merge(&mut self) {
        if let Ok(spans) = self.decode() {
            self.chunks = vec![codec::encode(spans.iter()).into()];
        }
    }

    fn decode(&self) -> Result<Vec<Span>, RecordError> {
        let mut spans = Vec::with_capacity(self.ids.len());
        for chunk in &self.chunks {
            spans.extend(codec::decode(chunk)?);
        }
        Ok(spans)
    }

    /// The trace, in order of start.
    pub fn trace(&self, trace_id: TraceId) -> Result<Trace, RecordError> {
        let mut spans = self.decode()?;
        spans.sort_by_key(|s| (s.start_ns, s.span_id));
        Ok(Trace { trace_id, spans })
    }

    /// Whether some span may start in the range; exact when the first or last one does.
    pub fn may_start_in(&self, range: TimeRange) -> bool {
        self.first_start_ns < range.end_ns() && self.last_start_ns >= range.start_ns()
    }
}
