//! Prometheus remote write, 1.0 and 2.0: `POST /api/v1/write`, snappy protobuf.
//!
//! `204` when everything was stored. What can be stored of a request is stored; when something was refused the answer
//! is a `400` that names the first offender, as both specifications ask ("Invalid samples", "Partial Write"): it must
//! not be sent again. Only a busy or failing store answers `5xx`. An exemplar that cannot be kept is no reason to refuse
//! anything. Created timestamps are not kept.

mod cache;
mod series;
pub mod v1;
pub mod v2;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};
use console_model::metric::MetricMetadata;
use console_storage::{
    AppendError,
    metrics::{AppendOutcome, SampleAppender, SeriesBatch},
};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};

pub use cache::LabelCache;
pub use series::{Collected, Reading};

use crate::{
    body::{self, Encoding},
    gate::Gate,
    metrics::{Protocol, Signal},
    plain,
    refusal::{Outcome, Refusal, RefusalKind, append_reason},
};

const SAMPLES_WRITTEN: &str = "x-prometheus-remote-write-samples-written";
const HISTOGRAMS_WRITTEN: &str = "x-prometheus-remote-write-histograms-written";
const EXEMPLARS_WRITTEN: &str = "x-prometheus-remote-write-exemplars-written";

/// What the handler needs.
#[derive(Clone)]
pub struct RemoteWriteState {
    pub gate: Gate,
    pub samples: Arc<dyn SampleAppender>,
    pub cache: Arc<LabelCache>,
}

pub fn router(state: RemoteWriteState) -> Router {
    Router::new().route("/api/v1/write", post(handle)).with_state(Arc::new(state))
}

/// Which message a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl Version {
    /// From `Content-Type`; without one, or without `proto`, it is 1.0.
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let value = headers.get(CONTENT_TYPE).map_or(Ok(""), |v| v.to_str()).unwrap_or("?");
        let mut parts = value.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let mut proto = parts.filter_map(|p| p.split_once('=')).filter(|(key, _)| key.trim() == "proto");
        let proto = proto.next().map_or("", |(_, value)| value.trim().trim_matches('"'));
        let is_protobuf = media.is_empty() || media.eq_ignore_ascii_case("application/x-protobuf");
        match proto {
            "" | "prometheus.WriteRequest" if is_protobuf => Ok(Self::V1),
            "io.prometheus.write.v2.Request" if is_protobuf => Ok(Self::V2),
            _ => Err(Refusal::unsupported(
                "Content-Type must be application/x-protobuf;proto=prometheus.WriteRequest or \
                 application/x-protobuf;proto=io.prometheus.write.v2.Request",
            )),
        }
    }
}

async fn handle(State(state): State<Arc<RemoteWriteState>>, request: Request) -> Response {
    let version = Version::of(request.headers());
    let mut written = Written::default();
    let result = take(&state, version.clone(), request).await.map(|(outcome, stored)| {
        written = stored;
        outcome
    });
    let counted = state.gate.count(Signal::Metrics, Protocol::RemoteWrite, result);
    let mut response = plain::answer(counted, status);
    if version == Ok(Version::V2) {
        let headers = response.headers_mut();
        headers.insert(SAMPLES_WRITTEN, written.samples.into());
        headers.insert(HISTOGRAMS_WRITTEN, written.histograms.into());
        headers.insert(EXEMPLARS_WRITTEN, written.exemplars.into());
    }
    response
}

/// What the store took, as 2.0 wants it told.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    samples: u64,
    histograms: u64,
    exemplars: u64,
}

async fn take(
    state: &RemoteWriteState,
    version: Result<Version, Refusal>,
    request: Request,
) -> Result<(Outcome, Written), Refusal> {
    let (parts, body) = request.into_parts();
    state.gate.tokens.check(&parts.headers)?;
    let version = version?;
    if Encoding::of(&parts.headers, Encoding::Snappy)? != Encoding::Snappy {
        return Err(Refusal::unsupported("Content-Encoding must be snappy"));
    }
    let raw = body::read(&parts.headers, body, &state.gate.limits).await?;
    let (gate, samples, cache) = (state.gate.clone(), state.samples.clone(), state.cache.clone());
    let work = move || {
        let bytes = body::decompress(Encoding::Snappy, raw, &gate.limits)?;
        let reading = Reading { limits: &gate.limits, cache: &cache };
        let collected = match version {
            Version::V1 => v1::collect_with(&bytes, reading)?,
            Version::V2 => v2::collect_with(&bytes, reading)?,
        };
        drop(bytes);
        gate.metrics.rejected(Protocol::RemoteWrite, "exemplar_ignored", collected.dropped_exemplars);
        store(&*samples, &cache, collected)
    };
    state.gate.run(work).await
}

fn store(
    samples: &dyn SampleAppender,
    cache: &LabelCache,
    collected: Collected,
) -> Result<(Outcome, Written), Refusal> {
    let Collected { mut batches, metadata, mut refused, mut fresh, .. } = collected;
    let metadata: Vec<MetricMetadata> = metadata.into_values().collect();
    if !metadata.is_empty() {
        match samples.put_metadata(&metadata) {
            Ok(()) => {}
            Err(e @ (AppendError::Busy { .. } | AppendError::Storage(_))) => return Err(e.into()),
            Err(e) => refused.add(1, append_reason(&e), || e.to_string()),
        }
    }
    // Apart, because each kind's count is told apart.
    let native: Vec<SeriesBatch> = batches
        .iter_mut()
        .filter(|b| !b.histograms.is_empty())
        .map(|b| SeriesBatch {
            labels: b.labels.clone(),
            histograms: std::mem::take(&mut b.histograms),
            ..SeriesBatch::default()
        })
        .collect();
    let append = |batches: &[SeriesBatch]| {
        if batches.is_empty() { Ok(Default::default()) } else { samples.append(batches) }
    };
    // Histograms first: exemplars of a series come with its floats, and need the series to be there.
    let (histograms, first) = append(&native)?;
    let (floats, second) = append(&batches)?;
    let stored = AppendOutcome {
        accepted: histograms.accepted + floats.accepted,
        rejected: histograms.rejected + floats.rejected,
        exemplars: floats.exemplars,
    };
    for (_, labels) in &mut fresh {
        if let Some(known) = samples.known(labels) {
            *labels = known;
        }
    }
    cache.remember(fresh);
    let written =
        Written { samples: floats.accepted, histograms: histograms.accepted, exemplars: floats.exemplars };
    Ok((Outcome::settle(refused, Ok((stored, first.or(second))))?, written))
}

/// Senders may take 429 for an invitation to come back; a limit of the store is none.
fn status(refusal: &Refusal) -> StatusCode {
    match refusal.kind {
        RefusalKind::LimitReached => StatusCode::BAD_REQUEST,
        _ => refusal.status(),
    }
}
