//! Search by TraceQL (or by tags, as older clients do), and what can be searched for.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
};
use console_model::{
    TimeRange, clock,
    span::{Span, TraceSummary},
};
use console_storage::traces::AttributeScope;
use serde_json::{Map, Value, json};

use super::{Api, envelope::TempoError, otlp};
use crate::params::Params;

const DEFAULT_LIMIT: usize = 20;
const DEFAULT_RANGE_MS: i64 = 3_600_000;
const MAX_TAG_VALUES: usize = 1000;

fn range(api: &Api, params: &Params) -> Result<TimeRange, TempoError> {
    let seconds = |name: &str| {
        let parse = |text: &str| {
            let wrong = || TempoError::bad_request(format!("invalid {name}: {text:?} is not Unix seconds"));
            text.parse::<i64>().ok().filter(|s| s.abs() < 9_000_000_000_000).ok_or_else(wrong)
        };
        params.non_empty(name).map(parse).transpose()
    };
    let end_ms = seconds("end")?.map_or_else(clock::now_ms, |s| s * 1000);
    let start_ms = seconds("start")?.map_or(end_ms - DEFAULT_RANGE_MS, |s| s * 1000);
    if start_ms > end_ms {
        return Err(TempoError::bad_request("invalid range: start is after end"));
    }
    if end_ms - start_ms > api.limits.max_range_ms {
        let hours = api.limits.max_range_ms / 3_600_000;
        return Err(TempoError::bad_request(format!(
            "range specified by start and end exceeds {hours} hours"
        )));
    }
    Ok(TimeRange { start_ms, end_ms })
}

/// `q`, or `tags` (logfmt) with `minDuration` and `maxDuration` written as TraceQL.
fn query(api: &Api, params: &Params) -> Result<String, TempoError> {
    if let Some(q) = params.non_empty("q") {
        if q.len() > api.limits.max_query_bytes {
            return Err(TempoError::bad_request(format!(
                "q is longer than {} bytes",
                api.limits.max_query_bytes
            )));
        }
        return Ok(q.to_owned());
    }
    let mut filters = Vec::new();
    for tag in params.get("tags").unwrap_or_default().split_whitespace() {
        let (key, value) = tag
            .split_once('=')
            .ok_or_else(|| TempoError::bad_request(format!("invalid tags: {tag:?} is not key=value")))?;
        let value = value.trim_matches('"').replace('\\', "\\\\").replace('"', "\\\"");
        filters.push(match key {
            "name" => format!("name = \"{value}\""),
            "status.code" | "error" => "status = error".to_owned(),
            key => format!(".{key} = \"{value}\""),
        });
    }
    for (name, op) in [("minDuration", ">="), ("maxDuration", "<=")] {
        if let Some(text) = params.non_empty(name) {
            filters.push(format!("traceDuration {op} {text}"));
        }
    }
    Ok(format!("{{ {} }}", filters.join(" && ")))
}

pub async fn search(State(api): State<Api>, RawQuery(raw): RawQuery) -> Result<Json<Value>, TempoError> {
    let params = Params::parse(raw.as_deref().unwrap_or_default());
    let limit = match params.non_empty("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => {
            let wrong =
                || TempoError::bad_request(format!("invalid limit: must be a positive number, got {text:?}"));
            text.parse().ok().filter(|n| (1..=api.limits.max_limit).contains(n)).ok_or_else(wrong)?
        }
    };
    let found = api.source.search(&query(&api, &params)?, range(&api, &params)?, limit).await?;
    let traces: Vec<Value> = found.iter().map(summary).collect();
    Ok(Json(json!({"traces": traces, "metrics": {"inspectedTraces": traces.len()}})))
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

fn scope_name(scope: AttributeScope) -> &'static str {
    match scope {
        AttributeScope::Span => "span",
        AttributeScope::Resource => "resource",
        AttributeScope::Event => "event",
        AttributeScope::Link => "link",
        AttributeScope::Instrumentation => "instrumentation",
        AttributeScope::Intrinsic => "intrinsic",
    }
}

pub async fn tags(State(api): State<Api>, RawQuery(raw): RawQuery) -> Result<Json<Value>, TempoError> {
    let params = Params::parse(raw.as_deref().unwrap_or_default());
    let names = api.source.tag_names(range(&api, &params)?).await?;
    let mut names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
    names.sort();
    names.dedup();
    Ok(Json(json!({"tagNames": names})))
}

pub async fn tags_v2(State(api): State<Api>, RawQuery(raw): RawQuery) -> Result<Json<Value>, TempoError> {
    let params = Params::parse(raw.as_deref().unwrap_or_default());
    let names = api.source.tag_names(range(&api, &params)?).await?;
    let wanted = params.non_empty("scope");
    let scopes = [AttributeScope::Span, AttributeScope::Resource, AttributeScope::Intrinsic];
    let scopes: Vec<Value> = scopes
        .into_iter()
        .filter(|s| wanted.is_none_or(|w| w == scope_name(*s)))
        .map(|s| {
            let tags: Vec<&String> =
                names.iter().filter(|(scope, _)| *scope == s).map(|(_, name)| name).collect();
            json!({"name": scope_name(s), "tags": tags})
        })
        .collect();
    Ok(Json(json!({"scopes": scopes})))
}

/// `span.x`, `resource.x`, `.x`, or an intrinsic's bare name.
fn scoped(tag: &str) -> (Option<AttributeScope>, &str) {
    for (prefix, scope) in [("span.", AttributeScope::Span), ("resource.", AttributeScope::Resource)] {
        if let Some(name) = tag.strip_prefix(prefix) {
            return (Some(scope), name);
        }
    }
    match tag.strip_prefix('.') {
        Some(name) => (None, name),
        None if ["name", "status", "kind", "statusMessage", "rootName", "rootServiceName"].contains(&tag) => {
            (Some(AttributeScope::Intrinsic), tag)
        }
        None => (None, tag),
    }
}

async fn values(api: &Api, tag: &str, raw: Option<&str>) -> Result<Vec<String>, TempoError> {
    let params = Params::parse(raw.unwrap_or_default());
    let (scope, name) = scoped(tag);
    Ok(api.source.tag_values(scope, name, range(api, &params)?, MAX_TAG_VALUES).await?)
}

pub async fn tag_values(
    State(api): State<Api>,
    Path(tag): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, TempoError> {
    Ok(Json(json!({"tagValues": values(&api, &tag, raw.as_deref()).await?})))
}

pub async fn tag_values_v2(
    State(api): State<Api>,
    Path(tag): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, TempoError> {
    let kind = if matches!(tag.as_str(), "status" | "kind") { "keyword" } else { "string" };
    let values = values(&api, &tag, raw.as_deref()).await?;
    let values: Vec<Value> = values.into_iter().map(|v| json!({"type": kind, "value": v})).collect();
    Ok(Json(json!({"tagValues": values})))
}
