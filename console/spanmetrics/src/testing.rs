//! What tests of this crate share.

use std::collections::{BTreeMap, HashMap};

use console_model::{
    Labels,
    metric::{Exemplar, MetricMetadata, Sample},
    span::{Span, SpanId, SpanKind, SpanStatus, TraceId},
};
use console_storage::{
    AppendError,
    metrics::{AppendOutcome, SampleAppender, SeriesBatch},
    traces::SpanAppender,
};
use parking_lot::{Mutex, MutexGuard};

use crate::histogram::Example;

pub(crate) fn now_ms() -> i64 {
    console_model::clock::now_ms()
}

pub(crate) fn trace_id(n: u64) -> TraceId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    TraceId(id)
}

/// A span of `shop` that took 50 ms.
pub(crate) fn span(trace: u64, id: u64, parent: Option<u64>) -> Span {
    span_at(trace, id, parent, 1_000)
}

pub(crate) fn span_at(trace: u64, id: u64, parent: Option<u64>, end_ms: i64) -> Span {
    Span {
        trace_id: trace_id(trace),
        span_id: SpanId(id.to_be_bytes()),
        parent_span_id: parent.map(|p| SpanId(p.to_be_bytes())),
        service: "shop".to_owned(),
        name: "work".to_owned(),
        kind: SpanKind::Internal,
        start_ns: (end_ms - 50) * 1_000_000,
        duration_ns: 50_000_000,
        status: SpanStatus::Unset,
        status_message: String::new(),
        attributes: Vec::new(),
        resource: Vec::new(),
        scope_name: String::new(),
        scope_version: String::new(),
        scope_attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
    }
}

pub(crate) fn example(trace: u64, value_s: f64, t_ms: i64) -> Example {
    Example { trace_id: trace_id(trace), span_id: SpanId([3; 8]), value_s, t_ms }
}

#[derive(Default)]
struct Written {
    samples: HashMap<Labels, Vec<Sample>>,
    exemplars: Vec<(Labels, Exemplar)>,
    metadata: Vec<String>,
    is_failing: bool,
}

/// Keeps all that is written.
#[derive(Default)]
pub(crate) struct MemoryAppender {
    written: Mutex<Written>,
    gate: Mutex<()>,
}

impl MemoryAppender {
    pub fn set_failing(&self, is_failing: bool) {
        self.written.lock().is_failing = is_failing;
    }

    /// Appends wait for as long as this lives.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.gate.lock()
    }

    /// The last value of the series that prints so.
    pub fn last(&self, series: &str) -> Option<f64> {
        self.samples(series).last().map(|s| s.v)
    }

    pub fn samples(&self, series: &str) -> Vec<Sample> {
        let written = self.written.lock();
        let of = written.samples.iter().find(|(l, _)| l.to_string() == series);
        of.map(|(_, samples)| samples.clone()).unwrap_or_default()
    }

    /// Last values of all series, as they print.
    pub fn all(&self) -> BTreeMap<String, f64> {
        let written = self.written.lock();
        written.samples.iter().filter_map(|(l, s)| Some((l.to_string(), s.last()?.v))).collect()
    }

    /// Last values of all series of a metric, as they print.
    pub fn metric(&self, name: &str) -> BTreeMap<String, f64> {
        let written = self.written.lock();
        let of = written.samples.iter().filter(|(l, _)| l.metric_name() == name);
        of.filter_map(|(l, s)| Some((l.to_string(), s.last()?.v))).collect()
    }

    pub fn sum(&self, name: &str) -> f64 {
        self.metric(name).values().filter(|v| !v.is_nan()).sum()
    }

    /// Distinct series.
    pub fn series(&self) -> usize {
        self.written.lock().samples.len()
    }

    pub fn exemplars(&self) -> Vec<(Labels, Exemplar)> {
        self.written.lock().exemplars.clone()
    }

    pub fn metadata(&self) -> Vec<String> {
        self.written.lock().metadata.clone()
    }
}

impl SampleAppender for MemoryAppender {
    fn append(&self, batch: &[SeriesBatch]) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        let _gate = self.gate.lock();
        let mut written = self.written.lock();
        if written.is_failing {
            return Err(AppendError::Storage("told to fail".to_owned()));
        }
        for part in batch {
            written.samples.entry(part.labels.clone()).or_default().extend(&part.samples);
            written.exemplars.extend(part.exemplars.iter().map(|e| (part.labels.clone(), e.clone())));
        }
        Ok((AppendOutcome::default(), None))
    }

    fn put_metadata(&self, metadata: &[MetricMetadata]) -> Result<(), AppendError> {
        self.written.lock().metadata.extend(metadata.iter().map(|m| m.metric.clone()));
        Ok(())
    }
}

/// Counts spans, and fails when it is told to.
#[derive(Default)]
pub(crate) struct FakeStore(Mutex<Fake>);

#[derive(Default)]
struct Fake {
    spans: usize,
    is_failing: bool,
    refused_name: Option<&'static str>,
}

impl FakeStore {
    pub fn set_failing(&self, is_failing: bool) {
        self.0.lock().is_failing = is_failing;
    }

    /// Refuses spans of this name.
    pub fn refuse_named(&self, name: &'static str) {
        self.0.lock().refused_name = Some(name);
    }

    pub fn spans(&self) -> usize {
        self.0.lock().spans
    }
}

impl SpanAppender for FakeStore {
    fn append_telling(
        &self,
        spans: Vec<Span>,
        refused: &mut dyn FnMut(usize),
    ) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        let mut state = self.0.lock();
        if state.is_failing {
            return Err(AppendError::Busy { reason: "told to fail".to_owned(), retry_after_s: 1 });
        }
        let is_refused = |s: &Span| state.refused_name == Some(s.name.as_str());
        let places: Vec<usize> = (0..spans.len()).filter(|place| is_refused(&spans[*place])).collect();
        for place in &places {
            refused(*place);
        }
        let rejected = places.len() as u64;
        let accepted = spans.len() as u64 - rejected;
        state.spans += accepted as usize;
        let reason = (rejected > 0).then(|| AppendError::Limit("told to refuse".to_owned()));
        Ok((AppendOutcome { accepted, rejected, ..AppendOutcome::default() }, reason))
    }
}
