//! OTLP: the mapping of its three signals to the stores ([`traces`], [`logs`], [`metrics`]) and its two transports
//! ([`grpc`], [`http`]).

pub mod delta;
mod exponential;
mod frames;
pub mod grpc;
pub mod http;
pub mod logs;
pub mod metrics;
pub mod name;
pub mod points;
pub mod resource;
pub mod traces;
pub mod value;

use std::sync::Arc;

use console_model::clock;
use console_storage::{
    logs::LogAppender,
    metrics::{AppendOutcome, SampleAppender},
    traces::SpanAppender,
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use parking_lot::Mutex;

use self::delta::DeltaState;
use crate::{
    limits::IngestLimits,
    refusal::{Outcome, Refusal, RefusalKind},
};

/// Writes decoded requests into the stores. Its calls block for the time of a write.
#[derive(Clone)]
pub struct Exporter {
    pub spans: Arc<dyn SpanAppender>,
    pub logs: Arc<dyn LogAppender>,
    pub samples: Arc<dyn SampleAppender>,
    pub limits: Arc<IngestLimits>,
    deltas: Arc<Mutex<DeltaState>>,
}

impl Exporter {
    pub fn new(
        spans: Arc<dyn SpanAppender>,
        logs: Arc<dyn LogAppender>,
        samples: Arc<dyn SampleAppender>,
        limits: Arc<IngestLimits>,
    ) -> Self {
        Self { spans, logs, samples, limits, deltas: Arc::default() }
    }

    pub fn traces(&self, request: ExportTraceServiceRequest) -> Result<Outcome, Refusal> {
        let (spans, refused) = traces::map(request, &self.limits)?;
        if spans.is_empty() {
            return Outcome::settle(refused, Ok(Default::default()));
        }
        Outcome::settle(refused, self.spans.append(spans))
    }

    pub fn logs(&self, request: ExportLogsServiceRequest) -> Result<Outcome, Refusal> {
        let (streams, refused) = logs::map(request, &self.limits, clock::now_ns())?;
        if streams.is_empty() {
            return Outcome::settle(refused, Ok(Default::default()));
        }
        Outcome::settle(refused, self.logs.append(streams))
    }

    pub fn metrics(&self, request: ExportMetricsServiceRequest) -> Result<Outcome, Refusal> {
        let (mut points, mut refused) = metrics::map(request, &self.limits)?;
        if !points.metadata.is_empty()
            && let Err(cause) = self.samples.put_metadata(&points.metadata)
        {
            // Types and help are repeated with every request: the samples matter more.
            tracing::warn!(%cause, "metric metadata was not stored");
        }
        let deltas = std::mem::take(&mut points.delta);
        let mut batch = points.cumulative;
        if deltas.is_empty() {
            let stored = if batch.is_empty() {
                Ok((AppendOutcome::default(), None))
            } else {
                self.samples.append(&batch)
            };
            return Outcome::settle(refused, stored);
        }
        // Held over the write: two requests with the same series must not start from the same total.
        let mut state = self.deltas.lock();
        let (sums, planned) = state.plan(deltas, self.limits.max_delta_series, &mut refused);
        batch.extend(sums);
        let stored =
            if batch.is_empty() { Ok((AppendOutcome::default(), None)) } else { self.samples.append(&batch) };
        let outcome = Outcome::settle(refused, stored);
        if outcome.is_ok() {
            state.commit(planned);
        }
        outcome
    }
}

/// Refuses a request with more items than the limit.
fn check_total(items: &str, total: usize, limits: &IngestLimits) -> Result<(), Refusal> {
    let max = limits.max_items_per_request;
    if total <= max {
        return Ok(());
    }
    let message = format!("{total} {items} in one request, more than max_items_per_request ({max})");
    Err(Refusal { kind: RefusalKind::TooLarge, message, retry_after_s: None, reason: "too_many_items" })
}
