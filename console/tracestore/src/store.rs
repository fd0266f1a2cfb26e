//! The store: log first, then memory.

use std::{collections::BTreeMap, ops::ControlFlow};

use console_blockkit::{SegmentId, Wal, WalConfig, WalError};
use console_model::{
    TimeRange,
    span::{Span, Trace, TraceId},
};
use console_storage::{
    AppendError, StorageError,
    metrics::AppendOutcome,
    traces::{AttributeScope, SpanAppender, SpanReader},
};
use parking_lot::{Mutex, RwLock};

use crate::{codec, config::TraceStoreConfig, state::State, tags};

/// Raw bytes of spans in one record; larger pushes become several records.
const RECORD_SPANS: usize = 512;
const MAX_RECORD_BYTES: u32 = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the trace log")]
    Wal(#[from] WalError),
}

/// What the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceStoreStats {
    pub traces: u64,
    pub spans: u64,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
    /// Traces dropped for age or room since the start.
    pub dropped_traces: u64,
    /// Records that replay could not read.
    pub damaged_records: u64,
}

pub struct TraceStore {
    config: TraceStoreConfig,
    wal: Wal,
    state: RwLock<State>,
    /// The latest span start a segment holds, for retention by age.
    segment_newest: Mutex<BTreeMap<SegmentId, i64>>,
    dropped: std::sync::atomic::AtomicU64,
    damaged: u64,
}

impl TraceStore {
    /// Opens the log, replays it and applies the limits.
    pub fn open(config: TraceStoreConfig) -> Result<Self, OpenError> {
        let mut state = State::default();
        let mut newest = BTreeMap::new();
        let mut damaged = 0;
        let mut dropped = 0;
        let wal_config =
            WalConfig { segment_bytes: config.segment_bytes, max_record_bytes: MAX_RECORD_BYTES };
        let (wal, recovery) =
            Wal::open(&config.dir, wal_config, &mut |segment, bytes| match codec::decode(bytes) {
                Ok(spans) => {
                    note_newest(&mut newest, segment, &spans);
                    state.apply(&spans, segment);
                    dropped += state.shrink_to(config.max_memory_bytes);
                }
                Err(_) => damaged += 1,
            })?;
        if damaged > 0 {
            tracing::warn!(damaged, "trace log has unreadable records");
        }
        tracing::info!(records = recovery.records, traces = state.traces(), "trace store open");
        let store = Self {
            config,
            wal,
            state: RwLock::new(state),
            segment_newest: Mutex::new(newest),
            dropped: (dropped as u64).into(),
            damaged,
        };
        store.maintain((store.config.clock)());
        Ok(store)
    }

    /// Applies retention by age and by bytes.
    pub fn maintain(&self, now_ms: i64) {
        let cutoff_ns = now_ms.saturating_sub(self.config.retention_ms).saturating_mul(1_000_000);
        let mut newest = self.segment_newest.lock();
        let segments = self.wal.segments();
        let mut total: u64 = segments.iter().map(|s| s.bytes).sum();
        let mut first_kept = None;
        // The last segment is being written: it stays.
        for segment in segments.iter().take(segments.len().saturating_sub(1)) {
            let expired = newest.get(&segment.id).is_none_or(|t| *t < cutoff_ns);
            if !expired && total <= self.config.max_bytes {
                first_kept = Some(segment.id);
                break;
            }
            total -= segment.bytes;
        }
        let first_kept = first_kept.or(segments.last().map(|s| s.id));
        let mut state = self.state.write();
        let mut dropped = state.drop_older(cutoff_ns);
        if let Some(first) = first_kept.filter(|f| segments.first().is_some_and(|s| s.id < *f)) {
            match self.wal.remove_before(first) {
                Ok(()) => {
                    newest.retain(|id, _| *id >= first);
                    dropped += state.drop_segments_before(first);
                }
                Err(error) => tracing::warn!(%error, "cannot remove old segments of the trace log"),
            }
        }
        dropped += state.shrink_to(self.config.max_memory_bytes);
        self.dropped.fetch_add(dropped as u64, std::sync::atomic::Ordering::Relaxed);
    }

    /// Puts what was accepted onto the disk itself (`fsync`).
    pub fn sync(&self) -> Result<(), WalError> {
        self.wal.sync()
    }

    pub fn stats(&self) -> TraceStoreStats {
        let state = self.state.read();
        TraceStoreStats {
            traces: state.traces() as u64,
            spans: state.spans,
            memory_bytes: state.bytes,
            disk_bytes: self.wal.total_bytes(),
            dropped_traces: self.dropped.load(std::sync::atomic::Ordering::Relaxed),
            damaged_records: self.damaged,
        }
    }

    fn check(&self, span: &Span, now_ms: i64) -> Result<(), AppendError> {
        let limit = |message: String| Err(AppendError::Limit(message));
        if span.trace_id.is_zero() || span.span_id.is_zero() {
            return Err(AppendError::Invalid("span without trace id or span id".into()));
        }
        if span.duration_ns < 0 {
            return Err(AppendError::Invalid(format!("span {} ends before it starts", span.span_id)));
        }
        let start_ms = span.start_ns / 1_000_000;
        if start_ms > now_ms.saturating_add(self.config.max_future_ms) {
            return limit(format!(
                "span {} starts more than max_future_ms ({}) after now",
                span.span_id, self.config.max_future_ms
            ));
        }
        if start_ms < now_ms.saturating_sub(self.config.retention_ms) {
            return limit(format!(
                "span {} is older than the retention ({} ms)",
                span.span_id, self.config.retention_ms
            ));
        }
        let bytes = approximate_bytes(span);
        if bytes > self.config.max_span_bytes {
            return limit(format!(
                "span {} has about {bytes} bytes, more than max_span_bytes ({})",
                span.span_id, self.config.max_span_bytes
            ));
        }
        let state = self.state.read();
        if state.get(span.trace_id).is_some_and(|s| s.len() >= self.config.max_spans_per_trace) {
            return limit(format!(
                "trace {} already has max_spans_per_trace ({}) spans",
                span.trace_id, self.config.max_spans_per_trace
            ));
        }
        Ok(())
    }

    fn store(&self, spans: &[Span]) -> Result<(), AppendError> {
        let segment = self.wal.append(&codec::encode(spans.iter())).map_err(append_error)?;
        note_newest(&mut self.segment_newest.lock(), segment, spans);
        let mut state = self.state.write();
        state.apply(spans, segment);
        if state.bytes > self.config.max_memory_bytes {
            // A tenth at once, so that not every push pays for it.
            let dropped = state.shrink_to(self.config.max_memory_bytes / 10 * 9);
            self.dropped.fetch_add(dropped as u64, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }
}

fn note_newest(newest: &mut BTreeMap<SegmentId, i64>, segment: SegmentId, spans: &[Span]) {
    if let Some(max) = spans.iter().map(|s| s.start_ns).max() {
        let slot = newest.entry(segment).or_insert(max);
        *slot = (*slot).max(max);
    }
}

fn approximate_bytes(span: &Span) -> usize {
    fn attributes(list: &console_model::span::Attributes) -> usize {
        list.iter().map(|(k, v)| k.len() + value(v)).sum()
    }
    fn value(v: &console_model::span::AttributeValue) -> usize {
        use console_model::span::AttributeValue as V;
        match v {
            V::String(s) => s.len(),
            V::Bytes(b) => b.len(),
            V::Array(a) => a.iter().map(value).sum(),
            V::Map(m) => m.iter().map(|(k, v)| k.len() + value(v)).sum(),
            V::Bool(_) | V::Int(_) | V::Double(_) => 8,
        }
    }
    64 + span.name.len()
        + span.status_message.len()
        + attributes(&span.attributes)
        + attributes(&span.resource)
        + span.events.iter().map(|e| e.name.len() + attributes(&e.attributes)).sum::<usize>()
        + span.links.iter().map(|l| 24 + attributes(&l.attributes)).sum::<usize>()
}

fn append_error(e: WalError) -> AppendError {
    match e {
        WalError::DiskFull => AppendError::Busy { reason: e.to_string(), retry_after_s: 10 },
        other => AppendError::Storage(other.to_string()),
    }
}

impl SpanAppender for TraceStore {
    fn append(&self, spans: Vec<Span>) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        let now_ms = (self.config.clock)();
        let mut reason = None;
        let mut rejected = 0;
        let mut good = Vec::with_capacity(spans.len());
        for span in spans {
            match self.check(&span, now_ms) {
                Ok(()) => good.push(span),
                Err(e) => {
                    rejected += 1;
                    reason.get_or_insert(e);
                }
            }
        }
        let mut accepted = 0;
        for part in good.chunks(RECORD_SPANS) {
            match self.store(part) {
                Ok(()) => accepted += part.len() as u64,
                Err(e) if accepted == 0 => return Err(e),
                Err(e) => {
                    rejected += good.len() as u64 - accepted;
                    return Ok((AppendOutcome { accepted, rejected, ..AppendOutcome::default() }, Some(e)));
                }
            }
        }
        Ok((AppendOutcome { accepted, rejected, ..AppendOutcome::default() }, reason))
    }
}

impl SpanReader for TraceStore {
    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StorageError> {
        // The slot is cloned (a few pointers), so that decoding holds no lock.
        let slot = self.state.read().get(id).cloned();
        slot.map(|s| s.trace(id)).transpose().map_err(|e| StorageError::Storage(e.to_string()))
    }

    fn scan(
        &self,
        range: TimeRange,
        service: Option<&str>,
        visit: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let ids = self.state.read().candidates(range, service);
        for id in ids {
            let Some(trace) = self.trace(id)? else { continue };
            let inside = |s: &Span| s.start_ns >= range.start_ns() && s.start_ns < range.end_ns();
            if trace.spans.iter().any(inside) && visit(&trace).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn tag_names(&self, range: TimeRange) -> Result<Vec<(AttributeScope, String)>, StorageError> {
        tags::names(self, range, self.config.max_tag_traces)
    }

    fn tag_values(
        &self,
        scope: Option<AttributeScope>,
        name: &str,
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        tags::values(self, scope, name, range, limit, self.config.max_tag_traces)
    }
}
