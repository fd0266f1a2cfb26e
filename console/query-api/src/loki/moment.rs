//! Times, ranges and limits as Loki's parameters give them.

use console_model::{TimeRange, clock, log::Direction};

use super::{Api, envelope::LokiError};
use crate::params::{self, Params};

pub const DEFAULT_LIMIT: usize = 100;
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

pub fn time_or(params: &Params, name: &str, default: i64) -> Result<i64, LokiError> {
    params.non_empty(name).map_or(Ok(default), |text| time_ns(name, text))
}

/// A duration parameter in nanoseconds, above 0.
pub fn duration_ns(params: &Params, name: &str) -> Result<Option<i64>, LokiError> {
    let Some(text) = params.non_empty(name) else { return Ok(None) };
    let ms = params::duration_ms(name, text).map_err(LokiError::bad_request)?;
    if ms <= 0 {
        let message = match name {
            "step" => "zero or negative query resolution step widths are not accepted".to_owned(),
            _ => format!("{name} must be above 0, got {text:?}"),
        };
        return Err(LokiError::bad_request(message));
    }
    Ok(Some(ms.saturating_mul(1_000_000)))
}

/// `start`, `end`, `since`.
pub fn range_ns(api: &Api, params: &Params) -> Result<(i64, i64), LokiError> {
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
    if end.saturating_sub(start) / 1_000_000 > api.limits.max_range_ms {
        let hours = api.limits.max_range_ms / 3_600_000;
        return Err(LokiError::bad_request(format!(
            "the query time range exceeds the limit of {hours} hours"
        )));
    }
    Ok((start, end))
}

pub fn model_range((start, end): (i64, i64)) -> TimeRange {
    TimeRange { start_ms: start.div_euclid(1_000_000), end_ms: end.div_euclid(1_000_000) + 1 }
}

/// `step` of a range in nanoseconds; without one, as many as a chart has room for.
pub fn step_ns(params: &Params, (start, end): (i64, i64)) -> Result<i64, LokiError> {
    let length = end - start;
    let step = match duration_ns(params, "step")? {
        Some(step) => step,
        None => (length / 1_000_000 / DEFAULT_POINTS).max(1000) * 1_000_000,
    };
    if length / step > MAX_POINTS {
        let message = "exceeded maximum resolution of 11,000 points per time series";
        return Err(LokiError::bad_request(message));
    }
    Ok(step)
}

/// A number of things, `default` where none is given, at most what is bearable.
pub fn count(api: &Api, params: &Params, name: &str, default: usize) -> Result<usize, LokiError> {
    let Some(text) = params.non_empty(name) else { return Ok(default) };
    let wrong = || LokiError::bad_request(format!("{name} must be a positive number, got {text:?}"));
    let count: usize = text.parse().map_err(|_| wrong())?;
    let max = api.limits.max_limit;
    if count > max {
        return Err(LokiError::bad_request(format!(
            "max entries limit per query exceeded, {name} > max ({count} > {max})"
        )));
    }
    Ok(count)
}

pub fn direction(params: &Params) -> Result<Direction, LokiError> {
    match params.get("direction").unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "backward" => Ok(Direction::Backward),
        "forward" => Ok(Direction::Forward),
        other => Err(LokiError::bad_request(format!("invalid direction {other:?}: forward or backward"))),
    }
}

/// An expression of bearable length.
fn bounded<'a>(api: &Api, query: &'a str) -> Result<&'a str, LokiError> {
    if query.len() > api.limits.max_query_bytes {
        return Err(LokiError::bad_request(format!(
            "query is longer than {} bytes",
            api.limits.max_query_bytes
        )));
    }
    Ok(query)
}

/// The expression, present and of bearable length.
pub fn expression<'a>(api: &Api, params: &'a Params) -> Result<&'a str, LokiError> {
    let query = params.get("query").unwrap_or_default();
    if query.trim().is_empty() {
        return Err(LokiError::bad_request("parse error : syntax error: unexpected $end"));
    }
    bounded(api, query)
}

/// As [`expression`], where none asks for all streams. Grafana writes that as `{}`.
pub fn selector<'a>(api: &Api, params: &'a Params) -> Result<Option<&'a str>, LokiError> {
    let query = params.get("query").unwrap_or_default().trim();
    let all = query.is_empty() || query.strip_prefix('{').is_some_and(|rest| rest.trim() == "}");
    if all { Ok(None) } else { bounded(api, query).map(Some) }
}
