//! Traces, by the time that they start at.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use serde::Deserialize;

use crate::{ExportError, Plan, copied::Copied, http::Endpoint};

const FIND: &str = "/api/search";
const ONE: &str = "/api/traces";
const TO: &str = "/v1/traces";
const PROTOBUF: &str = "application/protobuf";
/// Traces found at once; a window that holds as many or more is halved.
const PAGE: usize = 1000;
/// Of one second, which is as fine as a search asks.
const MOST: usize = 5000;
const SECOND_NS: i64 = 1_000_000_000;
const FIRST_WINDOW_NS: i64 = 600 * SECOND_NS;
const MAX_WINDOW_NS: i64 = 6 * 3600 * SECOND_NS;
/// Traces asked for side by side.
const AT_ONCE: usize = 8;
/// Bytes sent at once.
const BATCH_BYTES: usize = 1 << 20;
/// The first field of a message, with a length: what every trace that is not empty begins with.
const FIRST_FIELD: u8 = 0x0A;

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    traces: Vec<FoundTrace>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundTrace {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(default)]
    start_time_unix_nano: String,
}

pub async fn copy(plan: &Plan, target: &Endpoint, copied: &mut Copied<'_>) -> Result<(), ExportError> {
    let mut length = FIRST_WINDOW_NS;
    loop {
        let mut position = copied.position();
        let start = position.traces_ns;
        if start >= plan.end_ns {
            return Ok(());
        }
        // Searches know whole seconds.
        let end = (start.saturating_add(length) / SECOND_NS * SECOND_NS).max(start + 1).min(plan.end_ns);
        let is_shortest = length <= SECOND_NS;
        let limit = if is_shortest { MOST } else { PAGE };
        let found = find(plan, (start, end), limit).await?;
        if found.len() >= limit {
            if is_shortest {
                let (url, at) = (plan.from.url().to_owned(), format!("{} s", start / SECOND_NS));
                return Err(ExportError::TooMany { url, what: "traces", limit, at });
            }
            length = (length / 2).max(SECOND_NS);
            continue;
        }
        if found.len() < PAGE / 4 {
            length = (length * 2).min(MAX_WINDOW_NS);
        }
        let sent = send(plan, target, wanted(plan, &found, (start, end))).await?;
        position.traces_ns = end;
        position.traces += sent;
        copied.advance(position)?;
    }
}

async fn find(plan: &Plan, window: (i64, i64), limit: usize) -> Result<Vec<FoundTrace>, ExportError> {
    let query = [
        ("q", plan.search.clone()),
        ("start", (window.0 / SECOND_NS).to_string()),
        ("end", (window.1 + SECOND_NS - 1).div_euclid(SECOND_NS).to_string()),
        ("limit", limit.to_string()),
    ];
    let absent = || plan.from.unreadable(FIND, "there is nothing at this address");
    let body = plan.from.get(FIND, &query, &[]).await?.ok_or_else(absent)?;
    let found: Found = serde_json::from_slice(&body).map_err(|e| plan.from.unreadable(FIND, e))?;
    Ok(found.traces)
}

/// A trace is of the window that it starts in, or of any that it is met in when it began before all of them.
fn wanted(plan: &Plan, found: &[FoundTrace], window: (i64, i64)) -> Vec<String> {
    let is_wanted = |t: &&FoundTrace| match t.start_time_unix_nano.parse::<i64>() {
        Ok(start) => (window.0..window.1).contains(&start) || start < plan.start_ns,
        Err(_) => true,
    };
    found.iter().filter(is_wanted).map(|t| t.trace_id.clone()).collect()
}

/// Answers how many were acknowledged; those that are gone meanwhile are not.
async fn send(plan: &Plan, target: &Endpoint, ids: Vec<String>) -> Result<u64, ExportError> {
    let mut all = stream::iter(ids).map(|id| one(plan, id)).buffered(AT_ONCE);
    let (mut batch, mut traces, mut sent) = (BytesMut::new(), 0, 0);
    while let Some(trace) = all.try_next().await? {
        let Some(trace) = trace else { continue };
        // Messages of protobuf that follow each other are one message with the lists of both.
        batch.extend_from_slice(&trace);
        traces += 1;
        if batch.len() >= BATCH_BYTES {
            push(target, batch.split().freeze()).await?;
            sent += std::mem::take(&mut traces);
        }
    }
    if traces > 0 {
        push(target, batch.freeze()).await?;
    }
    Ok(sent + traces)
}

async fn one(plan: &Plan, id: String) -> Result<Option<Bytes>, ExportError> {
    let path = format!("{ONE}/{id}");
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(plan.from.unreadable(FIND, format!("{id:?} is no trace id")));
    }
    let trace = plan.from.get(&path, &[], &[("accept", PROTOBUF)]).await?;
    match trace {
        Some(trace) if trace.first().is_some_and(|first| *first != FIRST_FIELD) => {
            Err(plan.from.unreadable(&path, "it is no trace in protobuf"))
        }
        trace => Ok(trace.filter(|t| !t.is_empty())),
    }
}

async fn push(target: &Endpoint, batch: Bytes) -> Result<(), ExportError> {
    let body = target.post(TO, "application/x-protobuf", batch).await?;
    let answer = ExportTraceServiceResponse::decode(body).map_err(|e| target.unreadable(TO, e))?;
    match answer.partial_success.filter(|p| p.rejected_spans > 0) {
        Some(partial) => {
            let message = format!("{} spans: {}", partial.rejected_spans, partial.error_message);
            Err(ExportError::Refused { url: format!("{}{TO}", target.url()), status: 200, message })
        }
        None => Ok(()),
    }
}
