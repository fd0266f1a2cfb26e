//! Series and labels.

use axum::extract::{Path, Request, State, rejection::PathRejection};

use super::{
    Api,
    envelope::{ApiError, Success},
    label_name,
    parameters::{cut, limit, matcher_error, matchers, one_more, range},
};
use crate::{
    json,
    params::{self, Params},
};

/// What `labels` and the values of one list.
fn selectors(params: &Params) -> Result<Vec<String>, ApiError> {
    matchers(params).map_err(|e| ApiError::bad_data(matcher_error(&e)))
}

pub async fn series(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    if params.all("match[]").is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let max = limit(&params)?;
    let range = range(&params)?;
    let matchers = matchers(&params).map_err(|e| ApiError::parameter("match[]", matcher_error(&e)))?;
    let mut found = match range {
        Some(range) => api.metrics.series(&matchers, range, one_more(max)).await?,
        None => Vec::new(),
    };
    let is_cut = cut(&mut found, max);
    Ok(Success::with(|out| json::list(out, &found, json::labels)).cut(is_cut))
}

pub async fn label_names(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let max = limit(&params)?;
    let range = range(&params)?;
    let matchers = selectors(&params)?;
    let found = match range {
        Some(range) => api.metrics.label_names(&matchers, range, one_more(max)).await?,
        None => Vec::new(),
    };
    Ok(texts(found, max))
}

pub async fn label_values(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Success, ApiError> {
    // What is no text is no name either.
    let Ok(Path(name)) = name else {
        return Err(ApiError::bad_data(format!("invalid label name: {:?}", request.uri().path())));
    };
    let name = label_name::unescape(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let params = params::read(request, api.limits).await?;
    let max = limit(&params)?;
    let range = range(&params)?;
    let matchers = selectors(&params)?;
    let found = match range {
        Some(range) => api.metrics.label_values(&name, &matchers, range, one_more(max)).await?,
        None => Vec::new(),
    };
    Ok(texts(found, max))
}

fn texts(mut found: Vec<String>, max: usize) -> Success {
    let is_cut = cut(&mut found, max);
    Success::with(|out| json::list(out, &found, |out, text| json::text(out, text))).cut(is_cut)
}
