//! `query` and `query_range`.

use axum::extract::{Request, State};
use console_model::{
    clock,
    metric::{QueryAnswer, QueryValue},
};
use serde_json::json;

use super::{
    Api,
    envelope::{ApiError, Success},
};
use crate::{
    params::{self, Params},
    value,
};

/// Prometheus' own bound on points of a range query.
const MAX_POINTS: i64 = 11_000;

pub async fn instant(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let at_ms = time_or_now(&params, "time")?;
    let answer = api.source.query(expression(&api, &params)?, at_ms).await?;
    answered(&params, answer)
}

pub async fn range(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let start_ms =
        required(&params, "start").and_then(|t| params::time_ms("start", t).map_err(ApiError::bad_data))?;
    let end_ms =
        required(&params, "end").and_then(|t| params::time_ms("end", t).map_err(ApiError::bad_data))?;
    let step_ms =
        required(&params, "step").and_then(|t| params::duration_ms("step", t).map_err(ApiError::bad_data))?;
    if end_ms < start_ms {
        let message = "invalid parameter \"end\": end timestamp must not be before start time";
        return Err(ApiError::bad_data(message));
    }
    if step_ms <= 0 {
        let message = "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. \
                       Try a positive integer";
        return Err(ApiError::bad_data(message));
    }
    if (end_ms - start_ms) / step_ms > MAX_POINTS {
        let message = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query \
                       resolution (?step=XX)";
        return Err(ApiError::bad_data(message));
    }
    let answer = api.source.query_range(expression(&api, &params)?, start_ms, end_ms, step_ms).await?;
    answered(&params, answer)
}

fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, ApiError> {
    params.non_empty(name).ok_or_else(|| {
        ApiError::bad_data(format!("invalid parameter \"{name}\": cannot parse \"\" to a valid timestamp"))
    })
}

fn expression<'a>(api: &Api, params: &'a Params) -> Result<&'a str, ApiError> {
    let query = params.get("query").unwrap_or_default();
    if query.trim().is_empty() {
        return Err(ApiError::bad_data(
            "invalid parameter \"query\": unknown position: parse error: no expression found in input",
        ));
    }
    if query.len() > api.limits.max_query_bytes {
        let max = api.limits.max_query_bytes;
        return Err(ApiError::bad_data(format!("invalid parameter \"query\": longer than {max} bytes")));
    }
    Ok(query)
}

/// The named time, or now.
pub fn time_or_now(params: &Params, name: &str) -> Result<i64, ApiError> {
    match params.non_empty(name) {
        Some(text) => params::time_ms(name, text).map_err(ApiError::bad_data),
        None => Ok(clock::now_ms()),
    }
}

/// The `limit` parameter; 0 or absent: none.
pub fn limit(params: &Params) -> Result<usize, ApiError> {
    let Some(text) = params.non_empty("limit") else { return Ok(0) };
    text.parse().map_err(|_| {
        ApiError::bad_data(format!("invalid parameter \"limit\": {text:?} is not a non-negative number"))
    })
}

fn answered(params: &Params, answer: QueryAnswer) -> Result<Success, ApiError> {
    let QueryAnswer { mut value, mut warnings, infos, stats } = answer;
    let max = limit(params)?;
    let cut = match &mut value {
        QueryValue::Vector(rows) if max > 0 && rows.len() > max => {
            rows.truncate(max);
            true
        }
        QueryValue::Matrix(rows) if max > 0 && rows.len() > max => {
            rows.truncate(max);
            true
        }
        _ => false,
    };
    if cut {
        warnings.push("results truncated due to limit".to_owned());
    }
    let (kind, result) = value::query_value(&value);
    let mut data = json!({"resultType": kind, "result": result});
    if params.non_empty("stats").is_some() {
        data["stats"] = json!({
            "timings": {"evalTotalTime": stats.duration_us as f64 / 1e6},
            "samples": {"totalQueryableSamples": stats.samples},
        });
    }
    Ok(Success { data, warnings, infos })
}
