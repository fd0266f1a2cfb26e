//! `query` and `query_range`.

use axum::extract::{Request, State};
use console_model::{
    metric::{QueryAnswer, QueryValue},
    profile::QueryProfile,
};
use console_storage::source::{QueryOptions, QueryTime};

use super::{
    Api,
    envelope::{ApiError, Success},
    parameters::{cut, duration, limit, query, time, time_or_now, timeout},
    statistics,
};
use crate::{
    json,
    params::{self, Params},
};

/// Prometheus' own bound on points of a range query.
const MAX_POINTS: i64 = 11_000;
/// Samples that are written on a thread of the runtime; more take long enough to hold up other requests.
const MANY_SAMPLES: usize = 20_000;

pub async fn instant(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let max = limit(&params)?;
    let at_ms = time_or_now(&params, "time")?;
    evaluate(&api, &params, QueryTime::At { at_ms }, max).await
}

pub async fn range(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let max = limit(&params)?;
    let (start_ms, end_ms) = (time(&params, "start")?, time(&params, "end")?);
    if end_ms < start_ms {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step_ms = duration(&params, "step")?;
    if step_ms <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(ApiError::parameter("step", reason));
    }
    if (end_ms - start_ms) / step_ms > MAX_POINTS {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution \
             (?step=XX)",
        ));
    }
    evaluate(&api, &params, QueryTime::Range { start_ms, end_ms, step_ms }, max).await
}

async fn evaluate(api: &Api, params: &Params, time: QueryTime, max: usize) -> Result<Success, ApiError> {
    let timeout = timeout(api, params)?;
    let options = options(params)?;
    let statistics = params.non_empty("stats").map(str::to_owned);
    let query = query(api, params)?;
    let answering = async {
        match statistics {
            Some(_) => api.metrics.query_profiled(query, time, options).await,
            None => Ok((api.metrics.query_with(query, time, options).await?, None)),
        }
    };
    let answer = tokio::time::timeout(timeout, answering).await.map_err(|_| ApiError::timeout())?;
    let (answer, profile) = answer.map_err(|e| ApiError::of("query", e))?;
    if samples(&answer.value) < MANY_SAMPLES {
        return Ok(answered(answer, max, profile, statistics.as_deref()));
    }
    let writing = tokio::task::spawn_blocking(move || answered(answer, max, profile, statistics.as_deref()));
    writing.await.map_err(|e| console_storage::SourceError::Internal(e.to_string()).into())
}

fn options(params: &Params) -> Result<QueryOptions, ApiError> {
    let Some(text) = params.non_empty("lookback_delta") else { return Ok(QueryOptions::default()) };
    let wrong = |reason| ApiError::bad_data(format!("error parsing lookback delta duration: {reason}"));
    // Zero is the default, as in Prometheus.
    let lookback_ms = Some(params::parse_duration_ms(text).map_err(wrong)?).filter(|ms| *ms > 0);
    Ok(QueryOptions { lookback_ms })
}

fn samples(value: &QueryValue) -> usize {
    match value {
        QueryValue::Matrix(rows) => rows.iter().map(|s| s.samples.len()).sum(),
        QueryValue::PointMatrix(rows) => rows.iter().map(|s| s.samples.len() + s.histograms.len()).sum(),
        other => other.rows(),
    }
}

fn answered(
    answer: QueryAnswer,
    max: usize,
    profile: Option<QueryProfile>,
    statistics: Option<&str>,
) -> Success {
    let QueryAnswer { mut value, warnings, infos, stats } = answer;
    let is_cut = match &mut value {
        QueryValue::Vector(rows) => cut(rows, max),
        QueryValue::PointVector { elements, .. } => cut(elements, max),
        QueryValue::Matrix(rows) => cut(rows, max),
        QueryValue::PointMatrix(rows) => cut(rows, max),
        QueryValue::Scalar(_) | QueryValue::String { .. } => false,
    };
    let mut success = Success::with(|out| {
        out.push(b'{');
        json::query_value(out, &value);
        if let Some(asked) = statistics {
            out.extend_from_slice(b",\"stats\":");
            json::value(out, &statistics::of(&stats, profile, asked));
        }
        out.push(b'}');
    });
    success.warnings = warnings;
    success.infos = infos;
    let mut success = success.cut(is_cut);
    success.warnings.extend(statistics.and_then(statistics::warning));
    success
}
