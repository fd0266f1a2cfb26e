//! Parameters that several endpoints have, refused in Prometheus' words.

use std::time::Duration;

use console_model::{TimeRange, clock};
use console_promql::{ParseError, ParseOptions, ast::Expr, parse, parse_selector};

use super::{Api, envelope::ApiError};
use crate::params::{self, Params};

/// The oldest and the newest time that a request may mean: beyond lies nothing, and sums stay in range.
const FURTHEST_MS: i64 = i64::MAX / 4;

/// A time that must be there.
pub fn time(params: &Params, name: &str) -> Result<i64, ApiError> {
    let text = params.get(name).unwrap_or_default();
    parsed_time(text).map_err(|reason| ApiError::parameter(name, reason))
}

/// A time, or `default` where it is not given.
pub fn time_or(params: &Params, name: &str, default: i64) -> Result<i64, ApiError> {
    match params.non_empty(name) {
        Some(text) => parsed_time(text).map_err(|reason| {
            ApiError::parameter(name, format!("invalid time value for '{name}': {reason}"))
        }),
        None => Ok(default),
    }
}

/// A time, or now.
pub fn time_or_now(params: &Params, name: &str) -> Result<i64, ApiError> {
    time_or(params, name, clock::now_ms())
}

fn parsed_time(text: &str) -> Result<i64, String> {
    // The first and the last moment of Prometheus, which its own clients send for "no bound".
    match text {
        "-292273086-05-16T16:47:06Z" => return Ok(-FURTHEST_MS),
        "292277025-08-18T07:12:54.999999999Z" => return Ok(FURTHEST_MS),
        _ => {}
    }
    let wrong = || format!("cannot parse {text:?} to a valid timestamp");
    params::parse_time_ms(text).map(|ms| ms.clamp(-FURTHEST_MS, FURTHEST_MS)).ok_or_else(wrong)
}

pub fn duration(params: &Params, name: &str) -> Result<i64, ApiError> {
    let text = params.get(name).unwrap_or_default();
    params::parse_duration_ms(text).map_err(|reason| ApiError::parameter(name, reason))
}

/// How long a query may take: what it asks for, within the bound of the server. No time at all is over at once.
pub fn timeout(api: &Api, params: &Params) -> Result<Duration, ApiError> {
    let most = Duration::from_millis(api.limits.max_query_ms);
    if params.non_empty("timeout").is_none() {
        return Ok(most);
    }
    match u64::try_from(duration(params, "timeout")?) {
        Ok(asked) if asked > 0 => Ok(Duration::from_millis(asked).min(most)),
        _ => Err(ApiError::timeout()),
    }
}

/// `start` and `end` of what is listed, both inclusive and by default all that is stored. None where the range is empty.
pub fn range(params: &Params) -> Result<Option<TimeRange>, ApiError> {
    let start_ms = time_or(params, "start", -FURTHEST_MS)?;
    // The model's range is half open.
    let end_ms = time_or(params, "end", FURTHEST_MS)?.saturating_add(1);
    Ok((start_ms < end_ms).then_some(TimeRange { start_ms, end_ms }))
}

/// `limit`; 0 or absent: none.
pub fn limit(params: &Params) -> Result<usize, ApiError> {
    let Some(text) = params.non_empty("limit") else { return Ok(0) };
    match whole(text) {
        Ok(n) => usize::try_from(n).map_err(|_| ApiError::parameter("limit", "limit must be non-negative")),
        Err(reason) => Err(ApiError::parameter("limit", reason)),
    }
}

/// A whole number, refused as Go's `strconv.Atoi` does.
pub fn whole(text: &str) -> Result<i64, String> {
    text.parse().map_err(|e| not_whole("Atoi", text, &e))
}

/// A whole number of 32 bits, refused as Go's `strconv.ParseInt` does.
pub fn whole_32(text: &str) -> Result<i32, String> {
    text.parse().map_err(|e| not_whole("ParseInt", text, &e))
}

fn not_whole(function: &str, text: &str, e: &std::num::ParseIntError) -> String {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    let reason = match e.kind() {
        PosOverflow | NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    format!("strconv.{function}: parsing {text:?}: {reason}")
}

/// A number that means "no bound" where it is absent or negative.
pub fn bound(params: &Params, name: &str) -> Result<Option<usize>, ApiError> {
    let Some(text) = params.non_empty(name) else { return Ok(None) };
    let n = whole(text).map_err(|_| ApiError::bad_data(format!("{name} must be a number")))?;
    Ok(usize::try_from(n).ok())
}

/// `true` or `false`, in the spellings of Go's `strconv.ParseBool`.
pub fn flag(params: &Params, name: &str) -> Result<bool, ApiError> {
    let text = params.get(name).unwrap_or_default().to_ascii_lowercase();
    match text.as_str() {
        "1" | "t" | "true" => Ok(true),
        "" | "0" | "f" | "false" => Ok(false),
        _ => {
            let reason =
                format!("error converting {name}: strconv.ParseBool: parsing {text:?}: invalid syntax");
            Err(ApiError::parameter(name, reason))
        }
    }
}

/// `query`, present and of bearable length.
pub fn query<'a>(api: &Api, params: &'a Params) -> Result<&'a str, ApiError> {
    let query = params.get("query").unwrap_or_default();
    let max = api.limits.max_query_bytes;
    if query.is_empty() {
        return Err(ApiError::parameter(
            "query",
            "unknown position: parse error: no expression found in input",
        ));
    }
    if query.len() > max {
        return Err(ApiError::parameter("query", format!("longer than {max} bytes")));
    }
    Ok(query)
}

/// `query` as a tree.
pub fn parsed_query<'a>(api: &Api, params: &'a Params) -> Result<(&'a str, Expr), ApiError> {
    let text = query(api, params)?;
    let expr = parse(text, ParseOptions { experimental: true });
    Ok((text, expr.map_err(|e| ApiError::parameter("query", e))?))
}

/// All `match[]`: series selectors, each of which must exclude something.
pub fn matchers(params: &Params) -> Result<Vec<String>, ParseError> {
    let all = params.all("match[]");
    for selector in &all {
        parse_selector(selector)?;
    }
    Ok(all)
}

/// Why a `match[]` is refused, in the words of the API rather than of the language.
pub fn matcher_error(e: &ParseError) -> String {
    if e.message.ends_with("must contain at least one non-empty matcher") {
        return "match[] must contain at least one non-empty matcher".to_owned();
    }
    e.to_string()
}

/// One more than `limit`, to know whether something was cut.
pub fn one_more(limit: usize) -> usize {
    if limit == 0 { 0 } else { limit.saturating_add(1) }
}

/// Cuts to `limit`; says whether there was more.
pub fn cut<T>(items: &mut Vec<T>, limit: usize) -> bool {
    let is_more = limit > 0 && items.len() > limit;
    if is_more {
        items.truncate(limit);
    }
    is_more
}
