//! `query_exemplars`.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use console_promql::{ParseOptions, parse, selectors};

use super::{
    Api,
    envelope::{ApiError, Success},
    parameters::{query, range},
};
use crate::{json, params};

/// Of all series that the expression selects; an expression that selects none has no content.
pub async fn exemplars(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let params = params::read(request, api.limits).await?;
    let Some(range) = range(&params)? else {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    };
    let text = query(&api, &params)?;
    let expr =
        parse(text, ParseOptions { experimental: true }).map_err(|e| ApiError::bad_data(e.to_string()))?;
    if selectors(&expr).is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let found = api.metrics.exemplars(text, range).await.map_err(|e| ApiError::of("query", e))?;
    Ok(Success::with(|out| json::list(out, &found, json::exemplars)).into_response())
}
