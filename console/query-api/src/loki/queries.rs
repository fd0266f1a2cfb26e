//! `query`, `query_range`, labels, series.

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use console_model::{TimeRange, clock, log::Direction};
use serde_json::{Value, json};

use super::{
    Api, answers,
    envelope::{LokiError, success},
};
use crate::{
    json,
    params::{self, Params},
};

const DEFAULT_LIMIT: usize = 100;
const DEFAULT_RANGE_NS: i64 = 3_600_000_000_000;
/// Points of a metric query when the client names no step.
const DEFAULT_POINTS: i64 = 250;
const MAX_POINTS: i64 = 11_000;

/// Nanoseconds, seconds with fraction, or RFC 3339: the forms that Loki takes.
fn time_ns(name: &str, text: &str) -> Result<i64, LokiError> {
    let wrong =
        || LokiError::bad_request(format!("could not parse '{name}' parameter: {text:?} is not a time"));
    if let Some(ns) = params::rfc3339_ns(text) {
        return Ok(ns);
    }
    if let Ok(whole) = text.parse::<i64>() {
        // Up to ten digits are seconds.
        return if text.trim_start_matches('-').len() <= 10 { Ok(whole * 1_000_000_000) } else { Ok(whole) };
    }
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if seconds.is_finite() && seconds.abs() < 9e9 { Ok((seconds * 1e9) as i64) } else { Err(wrong()) }
}

fn time_or(params: &Params, name: &str, default: i64) -> Result<i64, LokiError> {
    params.non_empty(name).map_or(Ok(default), |text| time_ns(name, text))
}

/// `start`, `end`, `since`.
fn range_ns(api: &Api, params: &Params) -> Result<(i64, i64), LokiError> {
    let end = time_or(params, "end", clock::now_ns())?;
    let since = match params.non_empty("since") {
        Some(text) => {
            params::duration_ms("since", text).map_err(LokiError::bad_request)?.saturating_mul(1_000_000)
        }
        None => DEFAULT_RANGE_NS,
    };
    let start = time_or(params, "start", end.saturating_sub(since))?;
    if end < start {
        return Err(LokiError::bad_request("end timestamp must not be before or equal to start time"));
    }
    if (end - start) / 1_000_000 > api.limits.max_range_ms {
        let hours = api.limits.max_range_ms / 3_600_000;
        return Err(LokiError::bad_request(format!(
            "the query time range exceeds the limit of {hours} hours"
        )));
    }
    Ok((start, end))
}

fn limit(api: &Api, params: &Params) -> Result<usize, LokiError> {
    let Some(text) = params.non_empty("limit") else { return Ok(DEFAULT_LIMIT) };
    let wrong = || LokiError::bad_request(format!("limit must be a positive number, got {text:?}"));
    let limit: usize = text.parse().map_err(|_| wrong())?;
    let max = api.limits.max_limit;
    if limit > max {
        return Err(LokiError::bad_request(format!(
            "max entries limit per query exceeded, limit > max ({limit} > {max})"
        )));
    }
    Ok(limit)
}

fn direction(params: &Params) -> Result<Direction, LokiError> {
    match params.get("direction").unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "backward" => Ok(Direction::Backward),
        "forward" => Ok(Direction::Forward),
        other => Err(LokiError::bad_request(format!("invalid direction {other:?}: forward or backward"))),
    }
}

/// The expression, present and of bearable length.
pub fn expression<'a>(api: &Api, params: &'a Params) -> Result<&'a str, LokiError> {
    let query = params.get("query").unwrap_or_default();
    if query.trim().is_empty() {
        return Err(LokiError::bad_request("parse error : syntax error: unexpected $end"));
    }
    if query.len() > api.limits.max_query_bytes {
        return Err(LokiError::bad_request(format!(
            "query is longer than {} bytes",
            api.limits.max_query_bytes
        )));
    }
    Ok(query)
}

pub async fn instant(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let at = time_or(&params, "time", clock::now_ns())?;
    let (limit, direction) = (limit(&api, &params)?, direction(&params)?);
    let answer = api.source.query(expression(&api, &params)?, at, limit, direction).await?;
    Ok(success(|out| answers::data(out, &answer)))
}

pub async fn range(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let (start, end) = range_ns(&api, &params)?;
    let length_ms = (end - start) / 1_000_000;
    let step_ms = match params.non_empty("step") {
        Some(text) => params::duration_ms("step", text).map_err(LokiError::bad_request)?,
        None => (length_ms / DEFAULT_POINTS).max(1000),
    };
    if step_ms <= 0 {
        return Err(LokiError::bad_request("zero or negative query resolution step widths are not accepted"));
    }
    if length_ms / step_ms > MAX_POINTS {
        let message = "exceeded maximum resolution of 11,000 points per time series";
        return Err(LokiError::bad_request(message));
    }
    let (limit, direction) = (limit(&api, &params)?, direction(&params)?);
    let query = expression(&api, &params)?;
    let answer = api.source.query_range(query, start, end, step_ms, limit, direction).await?;
    Ok(success(|out| answers::data(out, &answer)))
}

fn model_range(api: &Api, params: &Params) -> Result<TimeRange, LokiError> {
    let (start, end) = range_ns(api, params)?;
    Ok(TimeRange { start_ms: start.div_euclid(1_000_000), end_ms: end.div_euclid(1_000_000) + 1 })
}

pub async fn label_names(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let found = api.source.label_names(model_range(&api, &params)?).await?;
    Ok(success(|out| json::value(out, &found)))
}

pub async fn label_values(
    State(api): State<Api>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let found = api.source.label_values(&name, model_range(&api, &params)?).await?;
    Ok(success(|out| json::value(out, &found)))
}

pub async fn series(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let mut matchers = params.all("match[]");
    matchers.extend(params.all("match"));
    if matchers.is_empty() {
        return Err(LokiError::bad_request("0 matcher groups supplied"));
    }
    let found = api.source.series(&matchers, model_range(&api, &params)?).await?;
    Ok(success(|out| json::list(out, &found, json::labels)))
}

/// Clients ask this to learn what they speak to.
pub async fn build_info() -> axum::Json<Value> {
    axum::Json(json!({"version": env!("CARGO_PKG_VERSION"), "revision": "", "branch": "", "goVersion": ""}))
}
