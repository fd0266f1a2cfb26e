//! `query`, `query_range`, labels, series.

use axum::{
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use console_model::{clock, log::LogAnswer};
use console_storage::SourceError;
use serde_json::{Value, json};

use super::{
    Api, answers,
    envelope::{self, LokiError, success},
    moment::{self, DEFAULT_LIMIT, direction, expression, model_range, range_ns, selector, time_or},
};
use crate::{json, params};

pub async fn instant(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let at = time_or(&params, "time", clock::now_ns())?;
    let (limit, direction) = (moment::count(&api, &params, "limit", DEFAULT_LIMIT)?, direction(&params)?);
    let answer = api.source.query(expression(&api, &params)?, at, limit, direction).await?;
    Ok(success(|out| answers::data(out, &answer)))
}

pub async fn range(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let categorize = answers::wants_categories(request.headers());
    let params = params::read(request, api.limits).await?;
    let (start, end) = range_ns(&api, &params)?;
    let step_ns = moment::step_ns(&params, (start, end))?;
    let interval_ns = moment::duration_ns(&params, "interval")?;
    let (limit, direction) = (moment::count(&api, &params, "limit", DEFAULT_LIMIT)?, direction(&params)?);
    let query = expression(&api, &params)?;
    if categorize
        && interval_ns.is_none()
        && let Some((streams, stats)) =
            api.source.query_categorized(query, start, end, limit, direction).await?
    {
        return Ok(success(|out| answers::categorized(out, &streams, &stats)));
    }
    let step_ms = (step_ns / 1_000_000).max(1);
    let mut answer = api.source.query_range(query, start, end, step_ms, limit, direction).await?;
    if let (Some(interval_ns), LogAnswer::Streams { streams, .. }) = (interval_ns, &mut answer) {
        answers::thin_out(streams, interval_ns);
    }
    Ok(success(|out| answers::data(out, &answer)))
}

pub async fn label_names(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let range = model_range(range_ns(&api, &params)?);
    let found = match selector(&api, &params)? {
        Some(selector) => api.source.label_names_of(selector, range).await?,
        None => api.source.label_names(range).await?,
    };
    Ok(success(|out| json::value(out, &found)))
}

pub async fn label_values(
    State(api): State<Api>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let range = model_range(range_ns(&api, &params)?);
    let found = match selector(&api, &params)? {
        Some(selector) => api.source.label_values_of(&name, selector, range).await?,
        None => api.source.label_values(&name, range).await?,
    };
    Ok(success(|out| json::value(out, &found)))
}

pub async fn series(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let mut matchers = params.all("match[]");
    matchers.extend(params.all("match"));
    matchers.extend(selector(&api, &params)?.map(str::to_owned));
    if matchers.is_empty() {
        return Err(LokiError::bad_request("0 matcher groups supplied"));
    }
    let found = api.source.series(&matchers, model_range(range_ns(&api, &params)?)).await?;
    Ok(success(|out| json::list(out, &found, json::labels)))
}

/// The query with the spaces of its kind; an error in an envelope of its own, as Loki's.
pub async fn format_query(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    match api.source.format_query(expression(&api, &params)?).await {
        Ok(formatted) => Ok(success(|out| json::text(out, &formatted))),
        Err(e @ SourceError::Invalid { .. }) => {
            let body = envelope::json(&json!({"status": "invalid-query", "error": e.to_string()}));
            Ok((StatusCode::BAD_REQUEST, body).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

/// Clients ask this to learn what they speak to.
pub async fn build_info() -> axum::Json<Value> {
    axum::Json(json!({"version": env!("CARGO_PKG_VERSION"), "revision": "", "branch": "", "goVersion": ""}))
}
