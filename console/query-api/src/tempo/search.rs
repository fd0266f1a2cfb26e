//! Search by TraceQL, or by tags as older clients do.

use axum::{
    Json,
    extract::{RawQuery, State},
};
use console_model::span::{Span, TraceSummary};
use console_storage::trace_query::{Inspected, SearchOptions};
use serde_json::{Map, Value, json};

use super::{Api, envelope::TempoError, legacy, otlp, times};
use crate::params::Params;

const DEFAULT_LIMIT: usize = 20;
const DEFAULT_SPANS_PER_SET: usize = 3;
const MAX_SPANS_PER_SET: usize = 100;

/// `q`, or the older parameters written as TraceQL.
fn query(api: &Api, params: &Params) -> Result<String, TempoError> {
    match params.non_empty("q") {
        Some(q) => bounded(api, "q", q),
        None => legacy::query(params),
    }
}

/// A query that is not too long.
pub fn bounded(api: &Api, name: &str, query: &str) -> Result<String, TempoError> {
    let max = api.limits.max_query_bytes;
    if query.len() > max {
        return Err(TempoError::bad_request(format!("{name} is longer than {max} bytes")));
    }
    Ok(query.to_owned())
}

pub async fn search(State(api): State<Api>, RawQuery(raw): RawQuery) -> Result<Json<Value>, TempoError> {
    let params = Params::parse(raw.as_deref().unwrap_or_default());
    let options = SearchOptions {
        limit: times::count(&params, "limit", DEFAULT_LIMIT, api.limits.max_limit)?,
        spans_per_trace: times::count(&params, "spss", DEFAULT_SPANS_PER_SET, MAX_SPANS_PER_SET)?,
    };
    let (query, range) = (query(&api, &params)?, times::range(&api, &params)?);
    let found = api.source.search_with(&query, range, options).await?;
    let traces: Vec<Value> = found.traces.iter().map(summary).collect();
    Ok(Json(json!({"traces": traces, "metrics": cost(found.inspected)})))
}

/// What the answer cost, as far as the backend says.
pub fn cost(inspected: Option<Inspected>) -> Value {
    let mut out = json!({"completedJobs": 1, "totalJobs": 1});
    if let Some(i) = inspected {
        out["inspectedTraces"] = i.traces.into();
        out["inspectedSpans"] = i.spans.to_string().into();
    }
    out
}

fn summary(t: &TraceSummary) -> Value {
    let set = json!({"matched": t.matched_count, "spans": t.matched.iter().map(matched).collect::<Vec<_>>()});
    let services: Map<String, Value> =
        t.services.iter().map(|(name, n)| (name.clone(), json!({"spanCount": n}))).collect();
    json!({
        "traceID": t.trace_id.to_string(),
        "rootServiceName": t.root_service,
        "rootTraceName": t.root_name,
        "startTimeUnixNano": t.start_ns.to_string(),
        "durationMs": t.duration_ns / 1_000_000,
        "serviceStats": services,
        "spanSet": set,
        "spanSets": [set],
    })
}

fn matched(span: &Span) -> Value {
    json!({
        "spanID": span.span_id.to_string(),
        "name": span.name,
        "startTimeUnixNano": span.start_ns.to_string(),
        "durationNanos": span.duration_ns.to_string(),
        "attributes": otlp::attributes(&span.attributes),
    })
}
