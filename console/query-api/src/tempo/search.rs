//! Search by TraceQL, or by tags as older clients do.

use std::{collections::BTreeMap, rc::Rc};

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use console_model::span::{Span, TraceSummary};
use console_storage::trace_query::{Inspected, SearchOptions};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Api,
    envelope::TempoError,
    legacy,
    otlp::{self, KeyValue},
    times,
};
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

pub async fn search(State(api): State<Api>, RawQuery(raw): RawQuery) -> Result<Response, TempoError> {
    let params = Params::parse(raw.as_deref().unwrap_or_default());
    let options = SearchOptions {
        limit: times::count(&params, "limit", DEFAULT_LIMIT, api.limits.max_limit)?,
        spans_per_trace: times::count(&params, "spss", DEFAULT_SPANS_PER_SET, MAX_SPANS_PER_SET)?,
    };
    let (query, range) = (query(&api, &params)?, times::range(&api, &params)?);
    let found = api.source.search_with(&query, range, options).await?;
    let traces = found.traces.iter().map(summary).collect();
    Ok(Json(Found { traces, metrics: cost(found.inspected) }).into_response())
}

#[derive(Serialize)]
struct Found<'a> {
    traces: Vec<Summary<'a>>,
    metrics: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    #[serde(rename = "traceID")]
    trace_id: String,
    root_service_name: &'a str,
    root_trace_name: &'a str,
    start_time_unix_nano: String,
    duration_ms: i64,
    service_stats: BTreeMap<&'a str, ServiceStats>,
    /// The first set by the name that older clients know.
    span_set: Rc<SpanSet<'a>>,
    span_sets: [Rc<SpanSet<'a>>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceStats {
    span_count: u32,
}

#[derive(Serialize)]
struct SpanSet<'a> {
    matched: u32,
    spans: Vec<Matched<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Matched<'a> {
    #[serde(rename = "spanID")]
    span_id: String,
    name: &'a str,
    start_time_unix_nano: String,
    duration_nanos: String,
    attributes: Vec<KeyValue<'a>>,
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

fn summary(t: &TraceSummary) -> Summary<'_> {
    let set = Rc::new(SpanSet { matched: t.matched_count, spans: t.matched.iter().map(matched).collect() });
    Summary {
        trace_id: t.trace_id.to_string(),
        root_service_name: &t.root_service,
        root_trace_name: &t.root_name,
        start_time_unix_nano: t.start_ns.to_string(),
        duration_ms: t.duration_ns / 1_000_000,
        service_stats: t
            .services
            .iter()
            .map(|(name, n)| (&**name, ServiceStats { span_count: *n }))
            .collect(),
        span_set: Rc::clone(&set),
        span_sets: [set],
    }
}

fn matched(span: &Span) -> Matched<'_> {
    Matched {
        span_id: span.span_id.to_string(),
        name: &span.name,
        start_time_unix_nano: span.start_ns.to_string(),
        duration_nanos: span.duration_ns.to_string(),
        attributes: otlp::attributes(&span.attributes),
    }
}
