//! Which services there are, and what they do.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
};
use console_model::{TimeRange, clock, names::GoQuoted, span::AttributeValue};
use console_storage::{trace_query::MetricsRange, traces::AttributeScope};
use serde_json::{Value, json};

use super::{
    Api,
    envelope::{JaegerError, answer},
};
use crate::params::Params;

/// How far back services and operations are looked for.
const LOOKBACK_MS: i64 = 48 * 3_600_000;
const MAX_SERVICES: usize = 1000;

fn recent() -> TimeRange {
    let end_ms = clock::now_ms();
    TimeRange { start_ms: end_ms - LOOKBACK_MS, end_ms }
}

pub async fn services(State(api): State<Api>) -> Result<Json<Value>, JaegerError> {
    let scope = Some(AttributeScope::Resource);
    let names = api.source.tag_values(scope, "service.name", recent(), MAX_SERVICES).await?;
    Ok(answer(names.into_iter().map(Value::from).collect()))
}

/// Names and kinds of the spans of a service, in order.
async fn pairs(api: &Api, service: &str) -> Result<Vec<(String, String)>, JaegerError> {
    let query =
        format!("{{ resource.service.name = {} }} | count_over_time() by (name, kind)", GoQuoted(service));
    let TimeRange { start_ms, end_ms } = recent();
    let range = MetricsRange {
        start_ns: start_ms * 1_000_000,
        end_ns: end_ms * 1_000_000,
        step_ns: None,
        exemplars: 0,
    };
    let found = api.source.metrics_range(&query, range).await?;
    let text = |labels: &[(String, AttributeValue)], name: &str| {
        labels.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_string()).unwrap_or_default()
    };
    let mut pairs: Vec<_> =
        found.series.iter().map(|s| (text(&s.labels, "name"), text(&s.labels, "kind"))).collect();
    pairs.sort();
    Ok(pairs)
}

/// Names alone.
pub async fn operations_of(
    State(api): State<Api>,
    Path(service): Path<String>,
) -> Result<Json<Value>, JaegerError> {
    let mut names: Vec<String> = pairs(&api, &service).await?.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    Ok(answer(names.into_iter().map(Value::from).collect()))
}

/// Names with kinds, of one kind where `spanKind` says so.
pub async fn operations(State(api): State<Api>, RawQuery(raw): RawQuery) -> Result<Json<Value>, JaegerError> {
    let params = Params::parse(raw.as_deref().unwrap_or_default());
    let service = params
        .non_empty("service")
        .ok_or_else(|| JaegerError::bad_request("parameter 'service' is required"))?;
    let wanted = params.non_empty("spanKind");
    let pairs = pairs(&api, service).await?.into_iter();
    let told = pairs
        .map(|(name, kind)| (name, if kind == "unspecified" { String::new() } else { kind }))
        .filter(|(_, kind)| wanted.is_none_or(|w| w == kind))
        .map(|(name, kind)| json!({"name": name, "spanKind": kind}));
    Ok(answer(told.collect()))
}
