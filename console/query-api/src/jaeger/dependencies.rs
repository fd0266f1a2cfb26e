//! Which service calls which: counted from spans whose parent is of another service.

use axum::{
    Json,
    extract::{RawQuery, State},
};
use console_model::{clock, span::AttributeValue};
use console_storage::trace_query::MetricsRange;
use serde_json::{Value, json};

use super::{
    Api,
    envelope::{JaegerError, answer},
};
use crate::params::Params;

const DEFAULT_LOOKBACK_MS: i64 = 24 * 3_600_000;
const CALLER: &str = "parent.resource.service.name";
const CALLED: &str = "resource.service.name";

fn milliseconds(params: &Params, name: &str) -> Result<Option<i64>, JaegerError> {
    let Some(text) = params.non_empty(name) else { return Ok(None) };
    let parsed = text.parse::<i64>().ok().filter(|n| (0..=9_000_000_000_000).contains(n));
    parsed.map(Some).ok_or_else(|| {
        JaegerError::bad_request(format!("unable to parse param '{name}': {text:?} is not milliseconds"))
    })
}

/// `[{"parent":…,"child":…,"callCount":…}]`
pub async fn dependencies(
    State(api): State<Api>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, JaegerError> {
    let params = Params::parse(raw.as_deref().unwrap_or_default());
    let end_ms = milliseconds(&params, "endTs")?.unwrap_or_else(clock::now_ms);
    let lookback_ms = milliseconds(&params, "lookback")?.unwrap_or(DEFAULT_LOOKBACK_MS);
    if lookback_ms == 0 || lookback_ms > api.limits.max_range_ms || lookback_ms > end_ms {
        return Err(JaegerError::bad_request(format!(
            "lookback must be between 1 and {} milliseconds",
            api.limits.max_range_ms.min(end_ms)
        )));
    }
    let range = MetricsRange {
        start_ns: (end_ms - lookback_ms) * 1_000_000,
        end_ns: end_ms * 1_000_000,
        step_ns: None,
        exemplars: 0,
    };
    let query = format!("{{ {CALLER} != nil }} | count_over_time() by ({CALLER}, {CALLED})");
    let found = api.source.metrics_range(&query, range).await?;
    let text = |labels: &[(String, AttributeValue)], name: &str| {
        labels.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_string()).unwrap_or_default()
    };
    let calls = found.series.iter().filter_map(|s| {
        let (parent, child) = (text(&s.labels, CALLER), text(&s.labels, CALLED));
        let (_, count) = s.samples.first()?;
        (parent != child).then(|| json!({"parent": parent, "child": child, "callCount": *count as u64}))
    });
    Ok(answer(calls.collect()))
}
