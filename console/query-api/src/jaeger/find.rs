//! Traces by what they are searched for, or by their ids.

use std::collections::{BTreeMap, HashSet};

use axum::{
    Json,
    extract::{Path, RawQuery, State},
};
use console_model::{TimeRange, clock, names::GoQuoted, span::TraceId};
use console_storage::trace_query::SearchOptions;
use serde_json::Value;

use super::{
    Api,
    envelope::{JaegerError, answer},
    model,
};
use crate::{
    params::Params,
    traceql::{is_duration, literal},
};

const DEFAULT_LIMIT: usize = 20;
/// Whole traces in one answer.
const MAX_TRACES: usize = 500;
/// Of one answer, which is made whole before it is sent.
const MAX_SPANS: usize = 50_000;
const DEFAULT_LOOKBACK_US: i64 = 48 * 3_600_000_000;

fn wrong(name: &str, what: &str) -> JaegerError {
    JaegerError::bad_request(format!("unable to parse param '{name}': {what}"))
}

/// Unix microseconds.
fn time_us(params: &Params, name: &str) -> Result<Option<i64>, JaegerError> {
    let Some(text) = params.non_empty(name) else { return Ok(None) };
    let parsed = text.parse::<i64>().ok().filter(|n| (0..=9_000_000_000_000_000).contains(n));
    parsed.map(Some).ok_or_else(|| wrong(name, &format!("{text:?} is not Unix microseconds")))
}

/// `start` and `end`, or `lookback` (`1h`, `2d`) before the end. The UI sends `custom` where it sends times.
fn range(api: &Api, params: &Params) -> Result<TimeRange, JaegerError> {
    let end = time_us(params, "end")?.unwrap_or_else(|| clock::now_ms() * 1000);
    let lookback = match params.non_empty("lookback").filter(|l| *l != "custom") {
        None => DEFAULT_LOOKBACK_US,
        Some(text) => crate::params::parse_duration_ms(text)
            .ok()
            .filter(|ms| *ms > 0)
            .and_then(|ms| ms.checked_mul(1000))
            .ok_or_else(|| wrong("lookback", &format!("{text:?} is not a duration such as 1h")))?,
    };
    let start = time_us(params, "start")?.unwrap_or_else(|| end.saturating_sub(lookback).max(0));
    if start > end {
        return Err(JaegerError::bad_request("'start' is after 'end'"));
    }
    if (end - start) / 1000 > api.limits.max_range_ms {
        let hours = api.limits.max_range_ms / 3_600_000;
        return Err(JaegerError::bad_request(format!(
            "the range from 'start' to 'end' exceeds {hours} hours"
        )));
    }
    Ok(TimeRange { start_ms: start / 1000, end_ms: end / 1000 + 1 })
}

/// Of `tags` (a JSON object of texts) and of each `tag` (`key:value`).
fn tags(params: &Params) -> Result<BTreeMap<String, String>, JaegerError> {
    let mut out = BTreeMap::new();
    for text in params.all("tag") {
        let (key, value) = text.split_once(':').ok_or_else(|| {
            JaegerError::bad_request(format!(
                "malformed 'tag' parameter, expecting key:value, received: {text}"
            ))
        })?;
        out.insert(key.to_owned(), value.to_owned());
    }
    for text in params.all("tags").into_iter().filter(|t| !t.is_empty()) {
        let read: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|e| {
            JaegerError::bad_request(format!("malformed 'tags' parameter, cannot unmarshal JSON: {e}"))
        })?;
        out.extend(read);
    }
    Ok(out)
}

/// A tag is looked for where Jaeger keeps one: on the span, its process and its logs.
fn tag(key: &str, value: &str) -> Result<String, JaegerError> {
    let one_of = |wanted: &[&str]| {
        let lower = value.to_lowercase();
        if wanted.contains(&lower.as_str()) {
            return Ok(lower);
        }
        Err(JaegerError::bad_request(format!("tag {key} must be one of {wanted:?}, got {value:?}")))
    };
    let text = GoQuoted(value);
    Ok(match key {
        "error" => {
            let is = one_of(&["true", "false"])? == "true";
            format!("status {} error", if is { "=" } else { "!=" })
        }
        "span.kind" => {
            format!(
                "kind = {}",
                one_of(&["internal", "server", "client", "producer", "consumer", "unspecified"])?
            )
        }
        "otel.status_code" => format!("status = {}", one_of(&["ok", "error", "unset"])?),
        "otel.status_description" => format!("statusMessage = {text}"),
        "otel.scope.name" => format!("instrumentation:name = {text}"),
        "otel.scope.version" => format!("instrumentation:version = {text}"),
        key => {
            let key = GoQuoted(key);
            let mut alternatives = vec![format!(".{key} = {text}"), format!("event.{key} = {text}")];
            if let Some(number) = literal(value) {
                alternatives.extend([format!(".{key} = {number}"), format!("event.{key} = {number}")]);
            }
            format!("({})", alternatives.join(" || "))
        }
    })
}

/// The question as TraceQL.
fn query(params: &Params) -> Result<String, JaegerError> {
    let service = params
        .non_empty("service")
        .ok_or_else(|| JaegerError::bad_request("parameter 'service' is required"))?;
    let mut conditions = vec![format!("resource.service.name = {}", GoQuoted(service))];
    if let Some(operation) = params.non_empty("operation").filter(|o| *o != "all") {
        conditions.push(format!("name = {}", GoQuoted(operation)));
    }
    for (name, op) in [("minDuration", ">="), ("maxDuration", "<=")] {
        if let Some(text) = params.non_empty(name) {
            if !is_duration(text) {
                return Err(wrong(name, &format!("{text:?} is not a duration such as 100ms")));
            }
            conditions.push(format!("duration {op} {text}"));
        }
    }
    for (key, value) in tags(params)? {
        conditions.push(tag(&key, &value)?);
    }
    Ok(format!("{{ {} }}", conditions.join(" && ")))
}

fn limit(params: &Params) -> Result<usize, JaegerError> {
    let Some(text) = params.non_empty("limit") else { return Ok(DEFAULT_LIMIT) };
    let parsed = text.parse().ok().filter(|n| (1..=MAX_TRACES).contains(n));
    parsed.ok_or_else(|| wrong("limit", &format!("{text:?} is not a number from 1 to {MAX_TRACES}")))
}

fn id(text: &str) -> Result<TraceId, JaegerError> {
    text.parse().map_err(|e| wrong("traceID", &format!("{e}")))
}

pub async fn find(State(api): State<Api>, RawQuery(raw): RawQuery) -> Result<Json<Value>, JaegerError> {
    let params = Params::parse(raw.as_deref().unwrap_or_default());
    let mut ids: Vec<TraceId> = params.all("traceID").iter().map(|t| id(t)).collect::<Result<_, _>>()?;
    if ids.is_empty() {
        let options = SearchOptions { limit: limit(&params)?, spans_per_trace: 1 };
        let found = api.source.search_with(&query(&params)?, range(&api, &params)?, options).await?;
        ids = found.traces.iter().map(|t| t.trace_id).collect();
    }
    if ids.len() > MAX_TRACES {
        return Err(wrong("traceID", &format!("more than {MAX_TRACES} traces")));
    }
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(*id));
    let (mut traces, mut spans) = (Vec::new(), 0);
    for id in ids {
        if let Some(trace) = api.source.trace(id).await? {
            spans += trace.spans.len();
            if spans > MAX_SPANS {
                return Err(wrong(
                    "limit",
                    &format!("the traces have more than {MAX_SPANS} spans: ask for fewer"),
                ));
            }
            traces.push(model::trace(&trace));
        }
    }
    Ok(answer(traces))
}

pub async fn show(State(api): State<Api>, Path(text): Path<String>) -> Result<Json<Value>, JaegerError> {
    let found = api.source.trace(id(&text)?).await?;
    let trace = found.ok_or_else(|| JaegerError::not_found("trace not found"))?;
    Ok(answer(vec![model::trace(&trace)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String, String> {
        query(&Params::parse(text)).map_err(|e| e.message)
    }

    #[test]
    fn a_question_becomes_one_spanset() {
        assert_eq!(of("service=a%22b&operation=all").unwrap(), r#"{ resource.service.name = "a\"b" }"#);
        assert_eq!(
            of("service=s&operation=GET&minDuration=1ms&tags=%7B%22error%22%3A%22true%22%2C%22n%22%3A%225%22%7D").unwrap(),
            r#"{ resource.service.name = "s" && name = "GET" && duration >= 1ms && status = error && (."n" = "5" || event."n" = "5" || ."n" = 5 || event."n" = 5) }"#
        );
        assert_eq!(
            of("service=s&tag=span.kind:SERVER").unwrap(),
            r#"{ resource.service.name = "s" && kind = server }"#
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(of("operation=x").unwrap_err().contains("'service' is required"));
        assert!(of("service=s&tags=x").unwrap_err().contains("malformed 'tags'"));
        assert!(of("service=s&tag=x").unwrap_err().contains("malformed 'tag'"));
        assert!(of("service=s&maxDuration=5").unwrap_err().contains("'maxDuration'"));
        assert!(of("service=s&tag=error:maybe").unwrap_err().contains("tag error must be one of"));
    }
}
