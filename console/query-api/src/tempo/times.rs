//! Times of requests: where a range begins and ends.

use console_model::{TimeRange, clock};

use super::{Api, envelope::TempoError};
use crate::params::{Params, parse_duration_ms, rfc3339_ns};

const DEFAULT_RANGE_MS: i64 = 3_600_000;
/// Numbers above are nanoseconds.
const LARGEST_SECONDS: f64 = 1e11;

/// Unix seconds, Unix nanoseconds, or RFC 3339; answers nanoseconds.
fn time_ns(params: &Params, name: &str) -> Result<Option<i64>, TempoError> {
    let Some(text) = params.non_empty(name) else { return Ok(None) };
    let whole = text.parse::<i64>().ok().filter(|n| n.unsigned_abs() as f64 > LARGEST_SECONDS);
    let seconds = || text.parse::<f64>().ok().filter(|s| s.abs() <= 9e9).map(|s| (s * 1e9) as i64);
    let parsed = whole.or_else(seconds).or_else(|| rfc3339_ns(text));
    parsed.map(Some).ok_or_else(|| {
        TempoError::bad_request(format!(
            "invalid {name}: {text:?} is not Unix seconds, Unix nanoseconds or RFC 3339"
        ))
    })
}

/// Start and end in nanoseconds; the last hour unless `start`, `end` or `since` say otherwise.
pub fn range_ns(api: &Api, params: &Params) -> Result<(i64, i64), TempoError> {
    let end = time_ns(params, "end")?.unwrap_or_else(|| clock::now_ms() * 1_000_000);
    let since = match params.non_empty("since") {
        None => DEFAULT_RANGE_MS,
        Some(text) => parse_duration_ms(text)
            .ok()
            .filter(|ms| *ms > 0)
            .ok_or_else(|| TempoError::bad_request(format!("invalid since: {text:?} is not a duration")))?,
    };
    let start =
        time_ns(params, "start")?.unwrap_or_else(|| end.saturating_sub(since.saturating_mul(1_000_000)));
    if start > end {
        return Err(TempoError::bad_request("invalid range: start is after end"));
    }
    if end.saturating_sub(start) / 1_000_000 > api.limits.max_range_ms {
        let hours = api.limits.max_range_ms / 3_600_000;
        return Err(TempoError::bad_request(format!(
            "range specified by start and end exceeds {hours} hours"
        )));
    }
    Ok((start, end))
}

/// As [`range_ns`], in milliseconds.
pub fn range(api: &Api, params: &Params) -> Result<TimeRange, TempoError> {
    let (start, end) = range_ns(api, params)?;
    Ok(TimeRange { start_ms: start.div_euclid(1_000_000), end_ms: end.div_euclid(1_000_000) })
}

/// A number between 1 and `max`.
pub fn count(params: &Params, name: &str, default: usize, max: usize) -> Result<usize, TempoError> {
    let Some(text) = params.non_empty(name) else { return Ok(default.min(max)) };
    text.parse().ok().filter(|n| (1..=max).contains(n)).ok_or_else(|| {
        TempoError::bad_request(format!("invalid {name}: must be a number from 1 to {max}, got {text:?}"))
    })
}
