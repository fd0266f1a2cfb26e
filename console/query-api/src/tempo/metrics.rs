//! Metrics queries: numbers over time from spans.

use axum::{
    Json,
    extract::{RawQuery, State},
};
use console_model::span::AttributeValue;
use console_storage::trace_query::{MetricsRange, SpanExemplar, SpanMetrics, SpanSeries};
use serde_json::{Value, json};

use super::{
    Api,
    envelope::TempoError,
    otlp,
    search::{bounded, cost},
    times,
};
use crate::params::{Params, parse_duration_ms};

const DEFAULT_EXEMPLARS: usize = 100;
const MAX_EXEMPLARS: usize = 1000;
/// Points that a range has where no step is given.
const DEFAULT_POINTS: i64 = 240;
const SECOND_NS: i64 = 1_000_000_000;

fn query(api: &Api, params: &Params) -> Result<String, TempoError> {
    let q = params.non_empty("q").or_else(|| params.non_empty("query"));
    bounded(api, "q", q.ok_or_else(|| TempoError::bad_request("missing q: a TraceQL metrics query"))?)
}

fn step_ns(params: &Params, length_ns: i64) -> Result<i64, TempoError> {
    let Some(text) = params.non_empty("step") else {
        let baseline = length_ns / DEFAULT_POINTS;
        let coarse = baseline / (5 * SECOND_NS) * (5 * SECOND_NS);
        return Ok(if coarse > 0 { coarse } else { (baseline / SECOND_NS).max(1) * SECOND_NS });
    };
    let ms = parse_duration_ms(text).ok().filter(|ms| *ms > 0);
    ms.and_then(|ms| ms.checked_mul(1_000_000)).ok_or_else(|| {
        TempoError::bad_request(format!("invalid step: {text:?} is not a duration above 0, such as 15s"))
    })
}

fn exemplars(params: &Params) -> Result<usize, TempoError> {
    match params.non_empty("exemplars") {
        None => Ok(DEFAULT_EXEMPLARS),
        Some(text) => text.parse::<usize>().map(|n| n.min(MAX_EXEMPLARS)).map_err(|_| {
            TempoError::bad_request(format!("invalid exemplars: {text:?} is not a whole number"))
        }),
    }
}

/// `{"series":[{"labels":[…],"samples":[{"timestampMs":"…","value":…}],…}]}`
pub async fn query_range(State(api): State<Api>, RawQuery(raw): RawQuery) -> Result<Json<Value>, TempoError> {
    let params = Params::parse(raw.as_deref().unwrap_or_default());
    let (start_ns, end_ns) = times::range_ns(&api, &params)?;
    let step_ns = Some(step_ns(&params, end_ns - start_ns)?);
    let range = MetricsRange { start_ns, end_ns, step_ns, exemplars: exemplars(&params)? };
    let SpanMetrics { series, inspected } = api.source.metrics_range(&query(&api, &params)?, range).await?;
    let series: Vec<Value> = series.iter().map(over_time).collect();
    Ok(Json(json!({"series": series, "metrics": cost(inspected)})))
}

/// `{"series":[{"labels":[…],"value":…}]}`: one number for the whole range.
pub async fn query_instant(
    State(api): State<Api>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, TempoError> {
    let params = Params::parse(raw.as_deref().unwrap_or_default());
    let (start_ns, end_ns) = times::range_ns(&api, &params)?;
    let range = MetricsRange { start_ns, end_ns, step_ns: None, exemplars: 0 };
    let SpanMetrics { series, inspected } = api.source.metrics_range(&query(&api, &params)?, range).await?;
    let series: Vec<Value> = series.iter().filter_map(at_once).collect();
    Ok(Json(json!({"series": series, "metrics": cost(inspected)})))
}

/// As Prometheus writes label sets; names that it could not have are quoted.
fn prom_labels(labels: &[(String, AttributeValue)]) -> String {
    let plain = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let one = |(name, value): &(String, AttributeValue)| {
        let value = format!("{:?}", value.to_string());
        if plain(name) { format!("{name}={value}") } else { format!("{name:?}={value}") }
    };
    let mut parts: Vec<String> = labels.iter().map(one).collect();
    parts.sort();
    format!("{{{}}}", parts.join(", "))
}

fn over_time(s: &SpanSeries) -> Value {
    let samples = s.samples.iter().map(|(t, v)| json!({"timestampMs": t.to_string(), "value": v}));
    json!({
        "labels": otlp::attributes(&s.labels),
        "samples": samples.collect::<Vec<_>>(),
        "promLabels": prom_labels(&s.labels),
        "exemplars": s.exemplars.iter().map(exemplar).collect::<Vec<_>>(),
    })
}

fn at_once(s: &SpanSeries) -> Option<Value> {
    let (_, value) = s.samples.first()?;
    Some(json!({"labels": otlp::attributes(&s.labels), "value": value, "promLabels": prom_labels(&s.labels)}))
}

fn exemplar(e: &SpanExemplar) -> Value {
    json!({
        "labels": [
            {"key": "trace:id", "value": {"stringValue": e.trace_id.to_string()}},
            {"key": "span:id", "value": {"stringValue": e.span_id.to_string()}},
        ],
        "value": e.value,
        "timestampMs": e.at_ns.div_euclid(1_000_000).to_string(),
    })
}
